"""`alerts`: what is firing, pending and silenced; `alerts test` shows where alerts arrive."""

from __future__ import annotations

from functools import partial
from secrets import token_hex

from bot.commands.arguments import parse
from bot.commands.base import Command, Request, Toolbox, find_queue
from bot.domain.access import Role
from bot.domain.message import Message, Reply, Tag
from bot.errors import SlackRefusedError, UsageError
from bot.render import alerts as render
from bot.render import problems


async def run(tools: Toolbox, request: Request) -> Reply:
    """The board, or a test post."""
    words = parse(request.args).words
    if not words:
        board, sees = await tools.alerting.board(), request.standing.sight()
        return Reply(
            message=render.listing(
                [one for one in board.incidents if sees(one.queue)],
                [one for one in board.silences if one.queue is None or sees(one.queue)],
                [one for one in board.pending if sees(one[0])],
                board.now,
                tools.catalog,
                stale=board.stale,
                may_act=partial(request.standing.may, Role.OPERATOR),
            )
        )
    if words[0].lower() == "test" and len(words) <= 2:  # noqa: PLR2004 - test, and a queue
        return Reply(message=await _test(tools, request, words[1:]))
    raise UsageError("`alerts` shows them; `alerts test [QUEUE]` posts one to try.")


async def _test(tools: Toolbox, request: Request, words: tuple[str, ...]) -> Message:
    channel = tools.catalog.channel
    if words:
        channel = tools.catalog.channel_of(await find_queue(tools, request.standing, words[0]))
    if channel is None:
        raise UsageError("No channel is configured for alerts. Set `channel:` in the config.")
    message = render.test_alert(channel, request.actor.user, tools.catalog)
    try:
        ref = await tools.messenger.post(
            message, channel=channel, tag=Tag("bullhorn_test", token_hex(6))
        )
    except SlackRefusedError as error:
        raise UsageError(
            f"Alerts cannot reach {channel}: Slack says {error.code}. "
            "Invite Bullhorn to it, or change `channel:` in the config."
        ) from error
    return problems.posted_in(ref.channel)


COMMAND = Command(
    name="alerts",
    usage=("alerts", "alerts test [QUEUE]"),
    summary="what is firing, pending and silenced; `test` posts one to see where it arrives",
    role=Role.VIEWER,
    run=run,
    examples=("alerts", "alerts test"),
)
