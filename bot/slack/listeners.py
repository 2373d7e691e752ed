"""Bolt's listeners. Each acks first and works after; none ends in a silent failure.

The work runs as a task of its own: an exception soon after `ack()` would lose the ack, and Slack
would show "dispatch failed" instead of a sentence.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from secrets import token_hex
from typing import Any, Final

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.commands import plan_buttons
from bot.commands.base import Toolbox
from bot.commands.dispatch import Dispatcher, find_command
from bot.domain.access import Actor
from bot.domain.message import Reply
from bot.errors import AccessDeniedError, BullhornError, UnavailableError, UsageError
from bot.ports import Telemetry
from bot.render import action_ids, problems
from bot.slack.answers import Answers, Origin

_log = structlog.get_logger(__name__)
TIME_LIMIT: Final = 60.0
"""Seconds an answer may take before the person is told that it did not come."""
Work = Callable[[], Awaitable[Reply]]


class Listeners:
    """Takes what Slack sends and answers it."""

    def __init__(self, *, toolbox: Toolbox, answers: Answers, telemetry: Telemetry) -> None:
        self._toolbox = toolbox
        self._dispatcher = Dispatcher(toolbox=toolbox)
        self._answers = answers
        self._telemetry = telemetry
        self._tasks: set[asyncio.Task[None]] = set()

    def register(self, app: AsyncApp) -> None:
        """Tell Bolt what this takes: the slash command, and every button and menu."""
        app.command("/queue")(self._on_command)
        command = re.compile(rf"{action_ids.COMMAND}(:.*)?")
        app.action(command)(self._on_command_button)
        app.action(re.compile(rf"{action_ids.COMMAND_MENU}(:.*)?"))(self._on_command_button)
        plan = (
            f"({action_ids.PLAN_CONFIRM}|{action_ids.PLAN_CONFIRM_FRESH}|{action_ids.PLAN_CANCEL})"
        )
        app.action(re.compile(rf"{plan}(:.*)?"))(self._on_plan_button)
        app.action(re.compile(rf"{action_ids.LINK}(:.*)?"))(self._on_link)

    async def drain(self, *, seconds: float) -> None:
        """Let the work under way finish, within a limit."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def _on_command(self, ack: AsyncAck, body: Mapping[str, Any]) -> None:
        await ack()
        text = str(body.get("text") or "")
        origin = Origin(
            actor=Actor(
                user=str(body.get("user_id") or ""),
                channel=str(body.get("channel_id") or ""),
                name=str(body.get("user_name") or ""),
            ),
            response_url=str(body.get("response_url") or ""),
        )
        self._start(_label(text), origin, lambda: self._dispatcher.run(text, origin.actor))

    async def _on_command_button(
        self, ack: AsyncAck, body: Mapping[str, Any], action: Mapping[str, Any]
    ) -> None:
        await ack()
        selected = action.get("selected_option") or {}
        text = str(action.get("value") or selected.get("value") or "")
        origin = _origin(body)
        self._start(_label(text), origin, lambda: self._dispatcher.run(text, origin.actor))

    async def _on_plan_button(
        self, ack: AsyncAck, body: Mapping[str, Any], action: Mapping[str, Any]
    ) -> None:
        await ack()
        origin = _origin(body)
        plan_id = str(action.get("value") or "")
        name = str(action.get("action_id") or "").partition(":")[0]

        async def work() -> Reply:
            if name == action_ids.PLAN_CANCEL:
                return await plan_buttons.cancel(self._toolbox, origin.actor, plan_id)
            fresh = name == action_ids.PLAN_CONFIRM_FRESH
            return await plan_buttons.confirm(self._toolbox, origin.actor, plan_id, fresh=fresh)

        self._start(name, origin, work)

    async def _on_link(self, ack: AsyncAck) -> None:
        """A link button opens its page by itself; Slack only wants the ack."""
        await ack()

    def _start(self, name: str, origin: Origin, work: Work) -> None:
        task = asyncio.create_task(self._answer(name, origin, work), name=f"answer-{name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, name: str, origin: Origin, work: Work) -> None:
        began = time.monotonic()
        outcome = "ok"
        try:
            async with asyncio.timeout(TIME_LIMIT):
                reply = await work()
        except TimeoutError:
            outcome, reply = "timeout", self._failed(name, "It took too long.")
        except BullhornError as error:
            outcome, reply = "refused", self._told(name, error)
        except Exception:  # noqa: BLE001 - the last line: the person is told, the log has the rest
            outcome, reply = "error", self._failed(name, "Something unexpected went wrong.")
        try:
            await self._answers.send(origin, reply)
        except Exception:
            _log.exception("answer failed", command=name)
        self._telemetry.command(name=name, seconds=time.monotonic() - began, outcome=outcome)

    def _told(self, name: str, error: BullhornError) -> Reply:
        if isinstance(error, AccessDeniedError):
            return Reply(message=problems.denied(str(error), error.holders))
        if isinstance(error, UnavailableError):
            ref = token_hex(2)
            _log.warning("unavailable", command=name, ref=ref, reason=str(error))
            return Reply(message=problems.problem(f"I could not finish that: {error}", ref))
        if not isinstance(error, UsageError):
            _log.info("refused", command=name, reason=str(error))
        return Reply(message=problems.problem(str(error), None))

    def _failed(self, name: str, why: str) -> Reply:
        ref = token_hex(2)
        _log.exception("command failed", command=name, ref=ref)
        text = f"I could not finish that. {why} See `/queue history` for what was done."
        return Reply(message=problems.problem(text, ref))


def _origin(body: Mapping[str, Any]) -> Origin:
    user, channel = body.get("user") or {}, body.get("channel") or {}
    container = body.get("container") or {}
    return Origin(
        actor=Actor(
            user=str(user.get("id") or ""),
            channel=str(channel.get("id") or container.get("channel_id") or ""),
            name=str(user.get("username") or user.get("name") or ""),
        ),
        response_url=str(body.get("response_url") or ""),
        ephemeral=bool(container.get("is_ephemeral")),
    )


def _label(text: str) -> str:
    """The sub-command's name for figures; anything that is none counts as one."""
    words = text.split()
    if not words:
        return "status"
    try:
        return find_command(words[0]).name
    except UsageError:
        return "unknown"
