"""The config file: YAML in, the domain's policies out, every mistake one line with its place."""

from bot.config.loading import PACKAGED, Config, HeartbeatConfig, Source, load_config

__all__ = ["PACKAGED", "Config", "HeartbeatConfig", "Source", "load_config"]
