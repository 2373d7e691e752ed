"""The ``conversations.*`` methods of the Web API."""

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from bot.demo.localslack import posting
from bot.demo.localslack.context import Context
from bot.demo.localslack.errors import Json, SlackError
from bot.demo.localslack.methods_chat import required
from bot.demo.localslack.workspace import Channel, Message, ts_key

_T = TypeVar("_T")
_MAX_PAGE = 999


def page(args: Json, items: Sequence[_T], *, default: int = 100) -> tuple[Sequence[_T], Json]:
    """One page of a list by ``cursor`` and ``limit``, and the ``response_metadata``.

    Raises:
        SlackError: ``invalid_cursor`` or ``invalid_limit``.
    """
    try:
        limit = int(args.get("limit") or default)
    except ValueError:
        raise SlackError("invalid_limit") from None
    limit = max(1, min(limit, _MAX_PAGE))
    start = 0
    if args.get("cursor"):
        try:
            start = int(base64.b64decode(str(args["cursor"])).decode().removeprefix("next:"))
        except (binascii.Error, ValueError):
            raise SlackError("invalid_cursor") from None
    end = start + limit
    more = end < len(items)
    cursor = base64.b64encode(f"next:{end}".encode()).decode() if more else ""
    return items[start:end], {"next_cursor": cursor}


def _channel_bot_is_in(ctx: Context, args: Json) -> Channel:
    channel = ctx.workspace.channels.get(required(args, "channel", "channel_not_found"))
    if channel is None:
        raise SlackError("channel_not_found")
    if ctx.config.bot.id not in channel.members:
        raise SlackError("channel_not_found" if channel.is_private else "not_in_channel")
    return channel


def _in_window(args: Json, message: Message) -> bool:
    inclusive = posting.truthy(args, "inclusive")
    at = ts_key(message.ts)
    for key, sign in (("oldest", 1), ("latest", -1)):
        if not args.get(key):
            continue
        bound = ts_key(str(args[key]))
        if at == bound:
            if not inclusive:
                return False
        elif (at > bound) != (sign > 0):
            return False
    return True


def history(ctx: Context, args: Json) -> Json:
    """``conversations.history``: newest first, without replies and ephemerals."""
    channel = _channel_bot_is_in(ctx, args)
    found = [
        m
        for m in ctx.workspace.shared(channel.id)
        if (m.broadcast or not m.is_reply) and _in_window(args, m)
    ]
    found.reverse()
    shown, metadata = page(args, found)
    with_metadata = posting.truthy(args, "include_all_metadata")
    answer: Json = {
        "ok": True,
        "messages": [posting.to_api(ctx.workspace, m, with_metadata=with_metadata) for m in shown],
        "has_more": bool(metadata["next_cursor"]),
        "pin_count": 0,
    }
    if metadata["next_cursor"]:
        answer["response_metadata"] = metadata
    return answer


def replies(ctx: Context, args: Json) -> Json:
    """``conversations.replies``: the first message of a thread and its replies, oldest first."""
    channel = _channel_bot_is_in(ctx, args)
    ts = required(args, "ts", "thread_not_found")
    parent = ctx.workspace.messages[channel.id].get(ts)
    if parent is None or parent.ephemeral_to:
        raise SlackError("thread_not_found")
    below = [m for m in ctx.workspace.replies(channel.id, parent.ts) if _in_window(args, m)]
    shown, metadata = page(args, [parent, *below])
    with_metadata = posting.truthy(args, "include_all_metadata")
    return {
        "ok": True,
        "messages": [posting.to_api(ctx.workspace, m, with_metadata=with_metadata) for m in shown],
        "has_more": bool(metadata["next_cursor"]),
        "response_metadata": metadata,
    }


def channel_json(ctx: Context, channel: Channel) -> Json:
    """A conversation as the Web API describes it."""
    is_member = ctx.config.bot.id in channel.members
    if channel.is_im:
        return {
            "id": channel.id,
            "created": 1700000000,
            "is_im": True,
            "is_channel": False,
            "user": channel.im_user,
            "is_archived": False,
        }
    return {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": not channel.is_private,
        "is_group": channel.is_private,
        "is_im": False,
        "is_mpim": False,
        "is_private": channel.is_private,
        "is_archived": False,
        "is_general": channel.name == "general",
        "is_member": is_member,
        "num_members": len(channel.members),
        "created": 1700000000,
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
    }


def list_(ctx: Context, args: Json) -> Json:
    """``conversations.list``; ``types`` as Slack's, public channels by default."""
    types = set(str(args.get("types") or "public_channel").replace(" ", "").split(","))
    unknown = types - {"public_channel", "private_channel", "im", "mpim"}
    if unknown:
        raise SlackError("invalid_types")
    found = []
    for channel in ctx.workspace.channels.values():
        kind = "im" if channel.is_im else "private_channel"
        kind = kind if channel.is_im or channel.is_private else "public_channel"
        hidden = channel.is_private and ctx.config.bot.id not in channel.members
        if kind in types and not hidden:
            found.append(channel)
    shown, metadata = page(args, found)
    answer = [channel_json(ctx, channel) for channel in shown]
    return {"ok": True, "channels": answer, "response_metadata": metadata}


def info(ctx: Context, args: Json) -> Json:
    """``conversations.info``."""
    channel = ctx.workspace.channels.get(required(args, "channel", "channel_not_found"))
    if channel is None or (channel.is_private and ctx.config.bot.id not in channel.members):
        raise SlackError("channel_not_found")
    return {"ok": True, "channel": channel_json(ctx, channel)}


def join(ctx: Context, args: Json) -> Json:
    """``conversations.join``: public channels only."""
    channel = ctx.workspace.channels.get(required(args, "channel", "channel_not_found"))
    if channel is None:
        raise SlackError("channel_not_found")
    if channel.is_private or channel.is_im:
        raise SlackError("method_not_supported_for_channel_type")
    answer: Json = {"ok": True}
    if ctx.config.bot.id in channel.members:
        answer |= {
            "warning": "already_in_channel",
            "response_metadata": {"warnings": ["already_in_channel"]},
        }
    channel.members.add(ctx.config.bot.id)
    return {**answer, "channel": channel_json(ctx, channel)}


def open_(ctx: Context, args: Json) -> Json:
    """``conversations.open``: direct messages with one person."""
    users = [u for u in str(args.get("users") or "").split(",") if u]
    if len(users) != 1:
        raise SlackError("users_list_not_supplied" if not users else "too_many_users")
    if users[0] not in {p.id for p in ctx.config.people}:
        raise SlackError("user_not_found")
    channel = ctx.workspace.open_im(users[0])
    return {"ok": True, "channel": {"id": channel.id}}


def members(ctx: Context, args: Json) -> Json:
    """``conversations.members``."""
    channel = _channel_bot_is_in(ctx, args)
    shown, metadata = page(args, sorted(channel.members))
    return {"ok": True, "members": list(shown), "response_metadata": metadata}
