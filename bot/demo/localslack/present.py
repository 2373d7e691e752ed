"""The workspace as one person sees it, as JSON for the page and for tests."""

from bot.demo.localslack import posting
from bot.demo.localslack.context import Context
from bot.demo.localslack.errors import Json
from bot.demo.localslack.workspace import Message


def visible(message: Message, user: str) -> bool:
    """Whether this person sees the message."""
    return message.ephemeral_to in {"", user}


def message_json(ctx: Context, message: Message, user: str) -> Json:
    """A message with what only the page and tests need besides Slack's own fields."""
    body = posting.to_api(ctx.workspace, message, with_metadata=True)
    return body | {
        "channel": message.channel,
        "ephemeral": bool(message.ephemeral_to),
        "warnings": message.warnings,
        "action_error": message.action_errors.get(user, ""),
        "revision": message.revision,
    }


def messages(ctx: Context, channel: str, user: str) -> list[Json]:
    """Everything this person sees in a channel, replies included, oldest first."""
    return [
        message_json(ctx, message, user)
        for message in ctx.workspace.in_order(channel)
        if visible(message, user)
    ]


def change_json(ctx: Context, change: Json, user: str) -> Json | None:
    """A change as this person's page hears of it; None if it is not for them."""
    kind = change["type"]
    if kind in {"message", "removed"}:
        message: Message = change["message"]
        if not visible(message, user):
            return None
        if kind == "removed":
            return {"type": kind, "channel": message.channel, "ts": message.ts}
        return {"type": kind, "message": message_json(ctx, message, user)}
    if kind in {"view", "home"} and change["user"] != user:
        return None
    return change


def state(ctx: Context, *, connections: int, has_world: bool) -> Json:
    """Who and what exists, for the page's first paint."""
    config, workspace = ctx.config, ctx.workspace
    return {
        "ok": True,
        "team": config.team_name,
        "bot": {"id": config.bot.id, "name": config.bot.real_name, "color": config.bot.color},
        "people": [
            {
                "id": person.id,
                "name": person.name,
                "real_name": person.real_name,
                "role": person.role,
                "color": person.color,
                "is_bot": person.is_bot,
                "im": workspace.open_im(person.id).id if not person.is_bot else "",
            }
            for person in workspace.people.values()
        ],
        "you_can_be": [person.id for person in config.people],
        "channels": [
            {"id": c.id, "name": c.name, "topic": c.topic, "private": c.is_private}
            for c in workspace.channels.values()
            if not c.is_im
        ],
        "groups": [{"id": g.id, "handle": g.handle} for g in config.groups],
        "commands": [
            {"command": c.command, "description": c.description, "hint": c.hint}
            for c in config.commands
        ],
        "connections": connections,
        "has_world": has_world,
    }
