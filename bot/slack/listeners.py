"""Bolt's listeners. Each acks first and works after; none ends in a silent failure.

The work runs as a task of its own: an exception soon after `ack()` would lose the ack, and Slack
would show "dispatch failed" instead of a sentence.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from secrets import token_hex
from typing import Any, Final

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.commands import emergencies, plan_buttons
from bot.commands.base import Toolbox
from bot.commands.dispatch import Dispatcher, find_command
from bot.domain.access import Actor
from bot.domain.message import MessageRef, Reply
from bot.errors import BullhornError, UnavailableError, UsageError
from bot.ports import Telemetry
from bot.render import action_ids, errors, modals, problems
from bot.render.emergencies import CALLBACK
from bot.slack.answers import Answers, Origin

_log = structlog.get_logger(__name__)
PATIENCE: Final = 8.0
"""Seconds after which the person is told that the work still goes on."""
Work = Callable[[], Awaitable[Reply]]
_PLAN_BUTTONS: Final[Mapping[str, Callable[[Toolbox, Actor, str], Awaitable[Reply]]]] = {
    action_ids.PLAN_CONFIRM: plan_buttons.confirm,
    action_ids.PLAN_CONFIRM_FRESH: plan_buttons.confirm_fresh,
    action_ids.PLAN_CANARY: plan_buttons.try_first,
    action_ids.PLAN_LATER: plan_buttons.later,
    action_ids.PLAN_CANCEL: plan_buttons.cancel,
    action_ids.PLAN_REST: plan_buttons.rest,
    action_ids.OPERATION_STOP: plan_buttons.stop,
}
_APPROVAL_BUTTONS: Final[
    Mapping[str, Callable[[Toolbox, Actor, str, MessageRef | None], Awaitable[Reply]]]
] = {
    action_ids.APPROVAL_APPROVE: emergencies.approve,
    action_ids.APPROVAL_REFUSE: emergencies.refuse,
}
_NAME_PATIENCE: Final = 2.0
"""Seconds in which a typed name must be looked at: Slack waits three for the answer."""
_UNCHECKED: Final = "I could not check that now. Nothing was changed. Try again in a moment."


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
        for family in (action_ids.COMMAND, action_ids.COMMAND_MENU):
            app.action(action_ids.pattern(family))(self._on_command_button)
        for family in _PLAN_BUTTONS:
            app.action(action_ids.pattern(family))(self._on_plan_button)
        for family in _APPROVAL_BUTTONS:
            app.action(action_ids.pattern(family))(self._on_approval_button)
        app.view(CALLBACK)(self._on_named)
        app.action(action_ids.pattern(action_ids.LINK))(self._on_link)

    async def drain(self, seconds: float) -> None:
        """Let the work under way finish, within a limit."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def _on_command(self, ack: AsyncAck, body: Mapping[str, Any]) -> None:
        await ack()
        text = _text(body.get("text"))
        origin = Origin(
            actor=Actor(
                user=_text(body.get("user_id")),
                channel=_text(body.get("channel_id")),
                name=_text(body.get("user_name")),
            ),
            response_url=_text(body.get("response_url")),
            trigger=_text(body.get("trigger_id")),
        )
        self._start(_label(text), origin, lambda: self._dispatcher.run(text, origin.actor))

    async def _on_command_button(
        self, ack: AsyncAck, body: Mapping[str, Any], action: Mapping[str, Any]
    ) -> None:
        await ack()
        text = _text(action.get("value")) or _text(_part(action, "selected_option").get("value"))
        origin = _origin(body)
        self._start(_label(text), origin, lambda: self._dispatcher.run(text, origin.actor))

    async def _on_plan_button(
        self, ack: AsyncAck, body: Mapping[str, Any], action: Mapping[str, Any]
    ) -> None:
        await ack()
        origin = _origin(body)
        plan_id = _text(action.get("value"))
        name = action_ids.family_of(_text(action.get("action_id")))

        press = _PLAN_BUTTONS[name]
        self._start(name, origin, lambda: press(self._toolbox, origin.actor, plan_id))

    async def _on_approval_button(
        self, ack: AsyncAck, body: Mapping[str, Any], action: Mapping[str, Any]
    ) -> None:
        await ack()
        origin = _origin(body)
        plan_id = _text(action.get("value"))
        name = action_ids.family_of(_text(action.get("action_id")))

        press = _APPROVAL_BUTTONS[name]
        self._start(
            name, origin, lambda: press(self._toolbox, origin.actor, plan_id, origin.message)
        )

    async def _on_named(self, ack: AsyncAck, body: Mapping[str, Any]) -> None:
        """A queue's name was typed into a dialog: it stays open until that is right."""
        view, person = _part(body, "view"), _origin(body).actor
        plan_id, typed = _text(view.get("private_metadata")), _typed(view)
        try:
            async with asyncio.timeout(_NAME_PATIENCE):
                found = await emergencies.named(self._toolbox, plan_id, typed)
        except (BullhornError, TimeoutError):
            found = emergencies.Named(problem=_UNCHECKED)
        if found.problem:
            await ack(response_action="errors", errors={modals.QUEUE_NAME: found.problem})
            return
        await ack()
        actor = Actor(user=person.user, channel=found.channel, name=person.name)
        origin = Origin(actor=actor, response_url="")
        self._start(
            "approval_ask", origin, lambda: emergencies.ask(self._toolbox, actor, plan_id, typed)
        )

    async def _on_link(self, ack: AsyncAck) -> None:
        """A link button opens its page by itself; Slack only wants the ack."""
        await ack()

    def _start(self, name: str, origin: Origin, work: Work) -> None:
        task = asyncio.create_task(self._answer(name, origin, work), name=f"answer-{name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, name: str, origin: Origin, work: Work) -> None:
        began = time.monotonic()
        task = asyncio.ensure_future(work())
        done, _ = await asyncio.wait({task}, timeout=PATIENCE)
        if not done:
            # Never cancelled: a change half made is worse than a late answer.
            await self._send(name, origin, Reply(message=problems.notice("Still working on it…")))
        outcome, reply = await self._outcome(name, task)
        await self._send(name, origin, reply)
        self._telemetry.command(name=name, seconds=time.monotonic() - began, outcome=outcome)

    async def _outcome(self, name: str, task: asyncio.Future[Reply]) -> tuple[str, Reply]:
        try:
            try:
                return "ok", await task
            except BullhornError as error:
                return "refused", self._told(name, error)
        except Exception:  # noqa: BLE001 - the last line: the person is told, the log has the rest
            return "error", self._failed(name)

    async def _send(self, name: str, origin: Origin, reply: Reply) -> None:
        try:
            await self._answers.send(origin, reply)
        except Exception:  # noqa: BLE001 - there is nobody left to tell but the log
            _log.exception("answer failed", command=name)

    def _told(self, name: str, error: BullhornError) -> Reply:
        if isinstance(error, UnavailableError):
            ref = token_hex(2)
            _log.warning("unavailable", command=name, ref=ref, reason=str(error))
            return Reply(message=errors.told(error, ref))
        if not isinstance(error, UsageError):
            _log.info("refused", command=name, reason=str(error))
        return Reply(message=errors.told(error))

    def _failed(self, name: str) -> Reply:
        ref = token_hex(2)
        _log.exception("command failed", command=name, ref=ref)
        text = (
            "I could not finish that: something unexpected went wrong. "
            "`/queue history` shows what was done."
        )
        return Reply(message=problems.problem(text, ref))


def _origin(body: Mapping[str, Any]) -> Origin:
    user, container = _part(body, "user"), _part(body, "container")
    return Origin(
        actor=Actor(
            user=_text(user.get("id")),
            channel=_text(_part(body, "channel").get("id")) or _text(container.get("channel_id")),
            name=_text(user.get("username")) or _text(user.get("name")),
        ),
        response_url=_text(body.get("response_url")),
        ephemeral=bool(container.get("is_ephemeral")),
        trigger=_text(body.get("trigger_id")),
        message=_message(container),
    )


def _message(container: Mapping[str, Any]) -> MessageRef | None:
    """The message that a button sits in."""
    channel, ts = _text(container.get("channel_id")), _text(container.get("message_ts"))
    return MessageRef(channel, ts) if channel and ts else None


def _typed(view: Mapping[str, Any]) -> str:
    """What was put into the field of the queue's name."""
    block = _part(_part(_part(view, "state"), "values"), modals.QUEUE_NAME)
    return _text(_part(block, modals.QUEUE_NAME).get("value"))


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object inside a payload; empty when it is missing or something else."""
    part = body.get(name)
    return part if isinstance(part, Mapping) else {}


def _text(value: Any) -> str:
    """A payload's text; JSON can carry half characters, which nothing else can."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _label(text: str) -> str:
    """The sub-command's name for figures; anything that is none counts as one."""
    words = text.split()
    if not words:
        return "status"
    try:
        return find_command(words[0]).name
    except UsageError:
        return "unknown"
