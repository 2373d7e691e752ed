"""The sub-commands of `/queue`, one file each. A new one is a file here and a line in COMMANDS."""

from __future__ import annotations

from bot.commands import (
    ack,
    alerts,
    failed,
    help_,
    history,
    job,
    pause,
    resume,
    retry,
    silence,
    status,
    unsilence,
)
from bot.commands.base import Command

COMMANDS: tuple[Command, ...] = (
    status.COMMAND,
    failed.COMMAND,
    job.COMMAND,
    retry.COMMAND,
    pause.COMMAND,
    resume.COMMAND,
    alerts.COMMAND,
    ack.COMMAND,
    silence.COMMAND,
    unsilence.COMMAND,
    history.COMMAND,
    help_.COMMAND,
)
