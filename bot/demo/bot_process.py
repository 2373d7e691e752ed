"""The bot as a child of the demo: `bullhorn run`, unchanged, that ends when the demo does.

The bot itself is told to end by SIGTERM only; this adds that it also ends when the demo was killed.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading

from bot.demo.workload.child import wait_for_parent


def main() -> None:
    """Run the bot in this process."""

    def watch() -> None:
        wait_for_parent()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
    sys.argv = ["bullhorn", "run", "--host", "127.0.0.1"]
    runpy.run_module("bot", run_name="__main__")


if __name__ == "__main__":
    main()
