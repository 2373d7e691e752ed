"""The facts of the machine, without which no figure means anything."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from redis import Redis

from tests.bench.peers import NODE_FOLDER, environment, node_binary


def facts(redis: Redis) -> list[str]:
    """One line a fact."""
    server = redis.info("server")
    valkey = server.get("valkey_version") or server["redis_version"]
    node = subprocess.run(
        [node_binary(), "--version"],
        env=environment(), capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    bull = json.loads((NODE_FOLDER / "node_modules/bull5/package.json").read_text("utf-8"))
    packages = ", ".join(f"{name} {version(name)}" for name in ("redis", "slack-bolt", "aiohttp"))
    return [
        f"{os.cpu_count()} cores ({_model()}), {platform.system()} {platform.machine()}",
        f"Python {platform.python_version()} ({packages})",
        f"Node {node.removeprefix('v')} (BullMQ {bull['version']}), Valkey {valkey}",
        "all on this machine, over the loopback",
    ]


def _model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown"
