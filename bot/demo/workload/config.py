"""Where the demo's configuration overlay is: thresholds short enough to watch."""

from pathlib import Path

DEMO_CONFIG = Path(__file__).with_name("demo.yml")
"""What the demo puts in `BULLHORN_CONFIG`; it is laid over the packaged config."""
