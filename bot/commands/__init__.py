"""The sub-commands of `/queue`, one file each. A new one is a file here and a line in COMMANDS."""

from __future__ import annotations

from bot.commands import (
    ack,
    alerts,
    clean,
    drain,
    failed,
    help_,
    history,
    job,
    obliterate,
    pause,
    promote,
    remove,
    resume,
    retry,
    silence,
    status,
    undo,
    unsilence,
    unstick,
)
from bot.commands.base import Command

COMMANDS: tuple[Command, ...] = (
    status.COMMAND,
    failed.COMMAND,
    job.COMMAND,
    retry.COMMAND,
    promote.COMMAND,
    unstick.COMMAND,
    remove.COMMAND,
    clean.COMMAND,
    undo.COMMAND,
    drain.COMMAND,
    obliterate.COMMAND,
    pause.COMMAND,
    resume.COMMAND,
    alerts.COMMAND,
    ack.COMMAND,
    silence.COMMAND,
    unsilence.COMMAND,
    history.COMMAND,
    help_.COMMAND,
)
