"""The ``chat.*`` methods of the Web API."""

from bot.demo.localslack import posting
from bot.demo.localslack.context import Context
from bot.demo.localslack.errors import Json, SlackError
from bot.demo.localslack.workspace import Channel, Message


def required(args: Json, key: str, error: str = "invalid_arguments") -> str:
    """A non-empty string argument.

    Raises:
        SlackError: ``error`` if it is missing.
    """
    value = args.get(key)
    if value in (None, ""):
        problems = [f"missing required field: {key}"] if error == "invalid_arguments" else None
        raise SlackError(error, problems=problems)
    return str(value)


def _where_bot_may_post(ctx: Context, args: Json) -> Channel:
    channel = ctx.workspace.channel(required(args, "channel", "channel_not_found"))
    scopes = ctx.config.scopes
    may_post_anywhere = scopes is None or "chat:write.public" in scopes
    if ctx.config.bot.id not in channel.members and not may_post_anywhere:
        raise SlackError("not_in_channel")
    return channel


def _own_message(ctx: Context, args: Json, refusal: str) -> Message:
    channel = ctx.workspace.channels.get(required(args, "channel", "channel_not_found"))
    if channel is None:
        raise SlackError("channel_not_found")
    message = ctx.workspace.message(channel.id, required(args, "ts", "message_not_found"))
    if message.ephemeral_to:
        raise SlackError("message_not_found")
    if message.user != ctx.config.bot.id:
        raise SlackError(refusal)
    return message


def _warned(answer: Json, warnings: list[str]) -> Json:
    if warnings:
        answer["warning"] = ",".join(warnings)
        answer["response_metadata"] = {"warnings": warnings}
    return answer


def post_message(ctx: Context, args: Json) -> Json:
    """``chat.postMessage``."""
    channel = _where_bot_may_post(ctx, args)
    message = posting.post(ctx.workspace, channel, args, user=ctx.config.bot.id)
    body = posting.to_api(ctx.workspace, message, with_metadata=True)
    answer: Json = {"ok": True, "channel": channel.id, "ts": message.ts, "message": body}
    return _warned(answer, message.warnings)


def update(ctx: Context, args: Json) -> Json:
    """``chat.update``."""
    message = _own_message(ctx, args, "cant_update_message")
    posting.change(ctx.workspace, message, args)
    body = posting.to_api(ctx.workspace, message, with_metadata=True)
    answer: Json = {
        "ok": True,
        "channel": message.channel,
        "ts": message.ts,
        "text": message.text,
        "message": body,
    }
    return _warned(answer, message.warnings)


def post_ephemeral(ctx: Context, args: Json) -> Json:
    """``chat.postEphemeral``."""
    channel = _where_bot_may_post(ctx, args)
    user = required(args, "user", "user_not_in_channel")
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    message = posting.post(ctx.workspace, channel, args, user=ctx.config.bot.id, ephemeral_to=user)
    return _warned({"ok": True, "message_ts": message.ts}, message.warnings)


def delete(ctx: Context, args: Json) -> Json:
    """``chat.delete``."""
    message = _own_message(ctx, args, "cant_delete_message")
    ctx.workspace.remove(message)
    return {"ok": True, "channel": message.channel, "ts": message.ts}


def get_permalink(ctx: Context, args: Json) -> Json:
    """``chat.getPermalink``: an address that opens the message in the local page."""
    channel = ctx.workspace.channel(required(args, "channel", "channel_not_found"))
    ts = required(args, "message_ts", "message_not_found")
    message = ctx.workspace.message(channel.id, ts)
    link = f"{ctx.base_url}archives/{channel.id}/p{ts.replace('.', '')}"
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"ok": True, "channel": channel.id, "permalink": link}
