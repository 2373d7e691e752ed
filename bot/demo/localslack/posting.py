"""Making and changing messages, shared by the Web API, response URLs and command answers."""

import json
import re
from typing import Any

from bot.demo.localslack import blockkit
from bot.demo.localslack.errors import Json, SlackError
from bot.demo.localslack.workspace import Channel, Message, Workspace

TEXT_LIMIT = 40_000
METADATA_LIMIT = 16_000
MISSING_TEXT = "missing_text_in_message"
_TS = re.compile(r"\d{1,12}\.\d{6}")
_COLORS = {"good": "#2eb67d", "warning": "#ecb22e", "danger": "#e01e5a"}


def truthy(args: Json, key: str) -> bool:
    """A boolean argument, which forms send as ``1`` or ``true``."""
    return str(args.get(key, "")).lower() in {"1", "true"}


def checked_metadata(value: Any) -> Json | None:
    """Message metadata as Slack accepts it; None for none.

    Raises:
        SlackError: ``invalid_metadata_format`` or ``metadata_too_large``.
    """
    if value in (None, "", {}):
        return None
    right = (
        isinstance(value, dict)
        and isinstance(value.get("event_type"), str)
        and value["event_type"] != ""
        and isinstance(value.get("event_payload"), dict)
    )
    if not right:
        raise SlackError("invalid_metadata_format")
    if len(json.dumps(value)) > METADATA_LIMIT:
        raise SlackError("metadata_too_large")
    return {"event_type": value["event_type"], "event_payload": value["event_payload"]}


def check_content(args: Json) -> list[str]:
    """Refuse content that Slack refuses; returns the warnings it would give.

    Raises:
        SlackError: ``no_text``, ``msg_too_long``, ``invalid_blocks``, ``invalid_attachments``.
    """
    text, blocks, attachments = args.get("text"), args.get("blocks"), args.get("attachments")
    if not text and not blocks and not attachments:
        raise SlackError("no_text")
    if text is not None and not isinstance(text, str):
        raise SlackError("invalid_arguments", problems=["must be a string [json-pointer:/text]"])
    if text and len(text) > TEXT_LIMIT:
        raise SlackError("msg_too_long")
    if blocks is not None and not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    blockkit.check_message(blocks, attachments)
    has_fallback = all(item.get("fallback") for item in attachments or [{}])
    return [] if text or (has_fallback and not blocks) else [MISSING_TEXT]


def shaped_attachments(attachments: list[Json] | None) -> list[Json] | None:
    """Attachments with the ids, colours and block ids that Slack adds."""
    if attachments is None:
        return None
    made: list[Json] = []
    for index, attachment in enumerate(attachments, start=1):
        color = str(attachment.get("color", "")) or "#dddddd"
        color = _COLORS.get(color, color)
        copied = {**attachment, "id": index, "color": color.removeprefix("#")}
        copied.setdefault("fallback", "[no preview available]")
        if attachment.get("blocks"):
            copied["blocks"] = blockkit.normalized(attachment["blocks"])
        made.append(copied)
    return made


def post(
    workspace: Workspace, channel: Channel, args: Json, *, user: str, ephemeral_to: str = ""
) -> Message:
    """Post a message after checking its content.

    Raises:
        SlackError: see `check_content`; ``thread_not_found``, ``invalid_thread_ts``.
    """
    warnings = check_content(args)
    thread_ts = str(args.get("thread_ts") or "")
    if thread_ts:
        thread_ts = _thread_root(workspace, channel.id, thread_ts)
    blocks = args.get("blocks") or None
    return workspace.add(
        Message(
            channel=channel.id,
            ts=workspace.next_ts(),
            user=user,
            text=args.get("text") or "",
            blocks=blockkit.normalized(blocks) if blocks else None,
            attachments=shaped_attachments(args.get("attachments") or None),
            thread_ts=thread_ts,
            broadcast=bool(thread_ts) and truthy(args, "reply_broadcast"),
            metadata=checked_metadata(args.get("metadata")),
            ephemeral_to=ephemeral_to,
            warnings=warnings,
        )
    )


def _thread_root(workspace: Workspace, channel: str, thread_ts: str) -> str:
    if not _TS.fullmatch(thread_ts):
        raise SlackError("invalid_thread_ts")
    parent = workspace.messages[channel].get(thread_ts)
    if parent is None or parent.ephemeral_to:
        raise SlackError("thread_not_found")
    return parent.thread_ts or parent.ts


def change(workspace: Workspace, message: Message, args: Json) -> Message:
    """Change a message the way ``chat.update`` does.

    Text without blocks removes the blocks. Attachments stay unless they are given. The
    "(edited)" mark appears only on messages without blocks. Metadata stays unless given.

    Raises:
        SlackError: see `check_content`.
    """
    message.warnings = check_content(args)
    if "blocks" in args or args.get("text"):
        blocks = args.get("blocks") or None
        message.blocks = blockkit.normalized(blocks) if blocks else None
    message.text = args.get("text") or ""
    if args.get("attachments") is not None:
        message.attachments = shaped_attachments(args["attachments"] or None)
    if "metadata" in args:
        message.metadata = checked_metadata(args["metadata"])
    if not message.blocks:
        message.edited = {"user": message.user, "ts": workspace.next_ts()}
    message.action_errors.clear()
    workspace.announce(message)
    return message


def to_api(workspace: Workspace, message: Message, *, with_metadata: bool = False) -> Json:
    """A message as the Web API gives it."""
    config = workspace.config
    body: Json = {
        "type": "message",
        "user": message.user,
        "ts": message.ts,
        "text": message.text,
        "team": config.team_id,
    }
    if message.user == config.bot.id:
        body |= {
            "bot_id": config.bot_id,
            "app_id": config.app_id,
            "bot_profile": {
                "id": config.bot_id,
                "app_id": config.app_id,
                "name": config.bot.real_name,
                "deleted": False,
                "team_id": config.team_id,
            },
        }
    optional = {
        "blocks": message.blocks,
        "attachments": message.attachments,
        "edited": message.edited,
        "files": message.files,
        "thread_ts": message.thread_ts or None,
        "metadata": message.metadata if with_metadata else None,
    }
    if message.broadcast:
        body["subtype"] = "thread_broadcast"
    body |= {key: value for key, value in optional.items() if value is not None}
    return body | _thread_facts(workspace, message)


def _thread_facts(workspace: Workspace, message: Message) -> Json:
    if message.is_reply:
        parent = workspace.messages[message.channel].get(message.thread_ts)
        return {"parent_user_id": parent.user if parent else message.user}
    replies = workspace.replies(message.channel, message.ts)
    if not replies:
        return {}
    users = list(dict.fromkeys(reply.user for reply in replies))
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users": users,
        "reply_users_count": len(users),
        "latest_reply": replies[-1].ts,
        "is_locked": False,
        "subscribed": False,
    }
