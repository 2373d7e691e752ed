"""The ``views.*`` methods of the Web API."""

from typing import Any

from bot.demo.localslack import blockkit
from bot.demo.localslack.context import Context
from bot.demo.localslack.errors import Json, SlackError
from bot.demo.localslack.methods_chat import required


def prepared(view: Any, kinds: set[str]) -> Json:
    """A view that passed the checks, with ids filled in.

    Raises:
        SlackError: ``invalid_arguments``.
    """
    blockkit.check_view(view, kinds=kinds)
    return {**view, "blocks": blockkit.normalized(view["blocks"])}


def _trigger_user(ctx: Context, args: Json) -> str:
    return ctx.tickets.exchange(required(args, "trigger_id", "invalid_trigger_id"))


def open_(ctx: Context, args: Json) -> Json:
    """``views.open``."""
    view = prepared(args.get("view"), {"modal"})
    return {"ok": True, "view": ctx.views.open(_trigger_user(ctx, args), view)}


def push(ctx: Context, args: Json) -> Json:
    """``views.push``."""
    view = prepared(args.get("view"), {"modal"})
    return {"ok": True, "view": ctx.views.push(_trigger_user(ctx, args), view)}


def update(ctx: Context, args: Json) -> Json:
    """``views.update``, by ``view_id`` or ``external_id``."""
    view = prepared(args.get("view"), {"modal"})
    view_id, external_id = args.get("view_id"), args.get("external_id")
    if not view_id and not external_id:
        raise SlackError("invalid_arguments", problems=["missing required field: view_id"])

    def matches(candidate: Json) -> bool:
        if view_id:
            return bool(candidate["id"] == view_id)
        return bool(candidate["external_id"] == external_id)

    made = ctx.views.update(view, matches=matches, expected_hash=str(args.get("hash") or ""))
    return {"ok": True, "view": made}


def publish(ctx: Context, args: Json) -> Json:
    """``views.publish``: a person's App Home."""
    user = required(args, "user_id")
    if user not in {p.id for p in ctx.config.people}:
        raise SlackError("user_not_found")
    view = prepared(args.get("view"), {"home"})
    made = ctx.views.publish(user, view, expected_hash=str(args.get("hash") or ""))
    return {"ok": True, "view": made}
