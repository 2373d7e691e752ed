"""The command line: `bullhorn run`, `bullhorn check`, `bullhorn demo`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence

from bot import __version__
from bot.config import load_config
from bot.domain.checkup import Report
from bot.errors import ConfigError
from bot.settings import load_settings


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the process' exit code.

    1 is for a check that failed, 2 for wrong settings, config or usage.
    """
    arguments = _parser().parse_args(argv)
    try:
        if arguments.command == "demo":
            return _demo(arguments.port)
        if arguments.command == "check":
            return _check(as_json=arguments.json)
        return _run(arguments.host)
    except ConfigError as error:
        sys.stderr.write(f"bullhorn: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bullhorn", description="A Slack bot for people on call for BullMQ queues."
    )
    parser.add_argument("--version", action="version", version=f"bullhorn {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="the bot, against Slack and Redis")
    run.add_argument("--host", help="address that PORT is listened on at (default: all)")
    check = commands.add_parser("check", help="try settings, config, Redis and Slack")
    check.add_argument("--json", action="store_true", help="a list, for programs")
    demo = commands.add_parser("demo", help="everything on this machine, to try it")
    demo.add_argument("--port", type=int, default=8080, help="of the page (default: 8080)")
    return parser


def _run(host: str | None) -> int:
    # Imported late: a wrong setting is told before anything else is loaded.
    from bot import app, wiring  # noqa: PLC0415

    settings = load_settings(os.environ)
    config = load_config(settings.bullhorn_config, environ=os.environ)

    async def run() -> None:
        await app.serve(await wiring.build(settings, config, host=host))

    asyncio.run(run())
    return 0


def _check(*, as_json: bool) -> int:
    from bot.render import checkup as pages  # noqa: PLC0415 - as in _run
    from bot.wiring.checkup import build_checkup  # noqa: PLC0415

    settings = load_settings(os.environ)
    config = load_config(settings.bullhorn_config, environ=os.environ)

    async def run() -> Report:
        async with build_checkup(settings, config) as checkup:
            return await checkup.run()

    report = asyncio.run(run())
    sys.stdout.write(pages.as_json(report) if as_json else pages.page(report))
    return 0 if report.passed else 1


def _demo(port: int) -> int:
    try:
        from bot.demo.run import run_demo  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the demo needs the package {error.name}: pip install 'bullhorn[demo]'"
        ) from error
    return run_demo(port=port)


if __name__ == "__main__":
    sys.exit(main())
