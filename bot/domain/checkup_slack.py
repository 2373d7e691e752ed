"""From what Slack answered to lines of `bullhorn check`."""

from __future__ import annotations

from typing import Final

from bot.domain.checkup import ChannelFacts, Finding, Identity, Trouble, fail, ok, skip, warn
from bot.domain.scopes import NEEDED, POST_UNINVITED, missing

SLACK: Final = "Slack"
_REINSTALL: Final = "Add them under OAuth & Permissions, as in manifest.yml, and reinstall the app"


def identity(seen: Identity | Trouble) -> list[Finding]:
    """The lines about the bot token: whose it is, and its scopes."""
    check = f"{SLACK}: scopes"
    if isinstance(seen, Trouble):
        return [seen.about(SLACK), skip(check, _no_login(seen))]
    lines = [ok(SLACK, f'workspace "{seen.workspace}", as @{seen.bot}')]
    if seen.scopes is None:
        told = warn(check, "Slack does not say which were granted", _REINSTALL)
    elif lacking := missing(seen.scopes):
        told = fail(check, f"missing: {', '.join(lacking)}", _REINSTALL)
    else:
        told = ok(check, f"all {len(NEEDED)} that are needed")
    return [*lines, told]


def app_token(identity_: Identity | Trouble, seen: Trouble | None, *, given: bool) -> Finding:
    """The line about Socket Mode. While Slack itself is away, the token cannot be judged."""
    check = f"{SLACK}: app token"
    if not given:
        return ok(check, "not set: HTTP mode, where Slack calls /slack/events")
    if seen is None:
        return ok(check, "opens Socket Mode")
    if seen.absent and isinstance(identity_, Trouble) and identity_.absent:
        return skip(check, _no_login(identity_))
    return seen.about(check)


def channel(name: str, seen: ChannelFacts | Trouble, identity_: Identity | Trouble) -> Finding:
    """The line about a channel of the config."""
    check = f"channel {name}"
    if isinstance(identity_, Trouble):
        return skip(check, _no_login(identity_))
    if isinstance(seen, Trouble):
        return seen.about(check)
    kind = "private" if seen.private else "public"
    called = f"#{seen.name}, {kind}" if seen.name and f"#{seen.name}" != name else kind
    if seen.archived:
        return fail(check, f"{called}; archived", "Unarchive it, or name another channel")
    if seen.member:
        return ok(check, f"{called}; @{identity_.bot} is in it")
    invite = f"Type /invite @{identity_.bot} in it"
    uninvited = identity_.scopes is None or POST_UNINVITED in identity_.scopes
    if uninvited and not seen.private:
        return warn(
            check,
            f"{called}; @{identity_.bot} is not in it: it can post, and not find a post again",
            invite,
        )
    return fail(check, f"{called}; @{identity_.bot} is not in it and cannot post", invite)


def no_channel() -> Finding:
    """The line where alerts of queues without a channel of their own have nowhere to go."""
    return warn(
        "channel",
        "not set: alerts are posted only for queues with a channel of their own",
        "Set `channel:` in the config",
    )


def group(id_: str, seen: int | Trouble, identity_: Identity | Trouble) -> Finding:
    """The line about a user group in an access list; `seen` is how many are in it."""
    check = f"user group {id_}"
    if isinstance(identity_, Trouble):
        return skip(check, _no_login(identity_))
    if isinstance(seen, Trouble):
        return seen.about(check)
    if seen == 0:
        return warn(check, "nobody is in it", "Add someone, or take it out of `access:`")
    return ok(check, f"{seen} {'member' if seen == 1 else 'members'}")


def _no_login(trouble: Trouble) -> str:
    return "Slack could not be asked" if trouble.absent else "the bot token was not accepted"
