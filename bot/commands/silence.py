"""`silence`: no alerts of a queue for a while."""

from __future__ import annotations

from rapidfuzz import fuzz, process

from bot.commands.arguments import echo, parse
from bot.commands.base import Command, Request, Toolbox, find_queue
from bot.domain.access import Role
from bot.domain.message import Reply
from bot.domain.rules import RULES
from bot.domain.times import DAY, parse_duration
from bot.errors import UsageError
from bot.render import problems

USAGE = "Say what and how long: `silence QUEUE [RULE] 2h [reason]` or `silence all 30m deploy`."
LONGEST = 30 * DAY
"""A silence that outlives everyone's memory of it hides a real alert."""

_RULE_NAMES = sorted({rule.name for rule in RULES} | {rule.family for rule in RULES})


async def run(tools: Toolbox, request: Request) -> Reply:
    """Store the silence; alerts already posted are edited to say so."""
    words = list(parse(request.args).words)
    if len(words) < 2:  # noqa: PLR2004 - a queue and a length
        raise UsageError(USAGE)
    target = words.pop(0)
    if target.lower() == "all":
        request.standing.require(Role.ADMIN, doing="Silencing all queues")
        queue = None
    else:
        found = await find_queue(tools, request.standing, target, Role.OPERATOR, doing="Silencing")
        queue = tools.catalog.address(found)
    rule = _rule(words.pop(0), words) if not words[0][:1].isdigit() else None
    if not words:
        raise UsageError(USAGE)
    length = parse_duration(words.pop(0))
    if length > LONGEST:
        raise UsageError(
            "A silence lasts 30d at most, so that it is not forgotten. "
            "For good, change `alerts` in the config."
        )
    silence = await tools.alerting.silence(
        request.actor, queue=queue, rule=rule, length=length, reason=" ".join(words)
    )
    return Reply(announcement=problems.silence_set(silence, tools.catalog))


def _rule(name: str, rest: list[str]) -> str:
    """The rule of that name; without a length after it, the word was to be one."""
    said = echo(name)
    if name.lower() in _RULE_NAMES:
        return name.lower()
    near = process.extractOne(name.lower(), _RULE_NAMES, scorer=fuzz.ratio, score_cutoff=60)
    if near:
        raise UsageError(f'There is no rule "{said}". Did you mean {near[0]}?')
    if not rest or not rest[0][:1].isdigit():
        parse_duration(name)
    raise UsageError(f'There is no rule "{said}". There are: {", ".join(_RULE_NAMES)}.')


COMMAND = Command(
    name="silence",
    usage=("silence QUEUE [RULE] 2h [reason]", "silence all [RULE] 30m [reason]"),
    summary="no alerts of a queue for a while",
    role=Role.OPERATOR,
    run=run,
    examples=("silence order-provisioning 1h WHMCS maintenance", "silence all 30m deploy"),
    details="Silencing all queues needs the admin role.",
    doing="Silencing",
    mutates=True,
)
