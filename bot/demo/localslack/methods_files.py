"""Files: the two Web API methods, the upload between them, and the download."""

import json
import secrets
from typing import Any

from aiohttp import web

from bot.demo.localslack.context import Context
from bot.demo.localslack.errors import Json, SlackError
from bot.demo.localslack.files import Stored
from bot.demo.localslack.methods_chat import required
from bot.demo.localslack.workspace import Message, Workspace, new_id

UPLOAD = "upload"
"""What faults call the upload itself."""

LIMIT = 50 * 1024 * 1024
"""Bytes of one file; Slack takes 1 GB."""


def get_upload_url(ctx: Context, args: Json) -> Json:
    """``files.getUploadURLExternal``."""
    name = required(args, "filename")
    try:
        length = int(required(args, "length"))
    except ValueError:
        raise SlackError("invalid_arguments", problems=["length must be a number"]) from None
    if not 0 < length <= LIMIT:
        raise SlackError("file_upload_size_restricted")
    stored = Stored(id=new_id("F"), name=name, length=length, key=secrets.token_urlsafe(24))
    ctx.files.files[stored.id] = stored
    address = f"{ctx.base_url}upload/v1/{stored.key}"
    return {"ok": True, "upload_url": address, "file_id": stored.id}


def complete_upload(ctx: Context, args: Json) -> Json:
    """``files.completeUploadExternal``: shares what was uploaded, in one channel or nowhere."""
    shared = [_uploaded(ctx, item) for item in _listed(args.get("files"))]
    reference = str(args.get("channel_id") or args.get("channels") or "")
    for stored, title in shared:
        stored.title = title
    bodies = [file_json(ctx, stored) for stored, _ in shared]
    if reference:
        _share(ctx.workspace, reference, bodies, args)
    return {"ok": True, "files": bodies}


def _listed(value: Any) -> list[Json]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise SlackError("invalid_arguments", problems=["files must be JSON"]) from None
    if not isinstance(value, list) or not value or not all(isinstance(v, dict) for v in value):
        raise SlackError("invalid_arguments", problems=["missing required field: files"])
    return value


def _uploaded(ctx: Context, item: Json) -> tuple[Stored, str]:
    stored = ctx.files.files.get(str(item.get("id")))
    if stored is None or stored.content is None:
        raise SlackError("file_not_found")
    return stored, str(item.get("title") or stored.name)


def _share(workspace: Workspace, reference: str, bodies: list[Json], args: Json) -> None:
    channel = workspace.channels.get(reference)
    bot = workspace.config.bot.id
    if channel is None or (channel.is_private and bot not in channel.members):
        raise SlackError("channel_not_found")
    if bot not in channel.members:
        raise SlackError("not_in_channel")
    workspace.add(
        Message(
            channel=channel.id,
            ts=workspace.next_ts(),
            user=bot,
            text=str(args.get("initial_comment") or ""),
            thread_ts=str(args.get("thread_ts") or ""),
            files=bodies,
        )
    )


def file_json(ctx: Context, stored: Stored) -> Json:
    """A file as the Web API describes it; its addresses open without a token: they are secret."""
    kind = stored.name.rpartition(".")[2].lower()
    address = f"{ctx.base_url}files/{stored.id}/{stored.key}"
    return {
        "id": stored.id,
        "name": stored.name,
        "title": stored.title,
        "mimetype": "text/csv" if kind == "csv" else "application/octet-stream",
        "filetype": kind,
        "size": stored.length,
        "mode": "hosted",
        "user": ctx.config.bot.id,
        "url_private": address,
        "url_private_download": address,
    }


class FileRoutes:
    """Takes uploads at their address, and gives files back."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """``POST /upload/v1/KEY``: the bytes as they are, or as the one part of a form."""
        fault = self._ctx.faults.take(UPLOAD, "")
        if fault is not None:
            early = await self._ctx.faults.before(fault, request)
            if early is not None:
                return early
        stored = self._ctx.files.by_key(request.match_info["key"])
        if stored is None or stored.content is not None:
            return web.Response(status=404, text="not found")
        content = await _content(request.clone(client_max_size=LIMIT + 4096))
        if len(content) != stored.length:
            return web.Response(status=400, text="length is not as announced")
        stored.content = content
        return web.Response(text=f"OK - {len(content)}")

    async def download(self, request: web.Request) -> web.StreamResponse:
        """``GET /files/ID/KEY``: always as a download, whatever is in it."""
        stored = self._ctx.files.files.get(request.match_info["file"])
        if stored is None or stored.content is None or stored.key != request.match_info["key"]:
            return web.Response(status=404, text="not found")
        safe = "".join(sign for sign in stored.name if sign.isalnum() or sign in "._-") or "file"
        headers = {"Content-Disposition": f'attachment; filename="{safe}"'}
        return web.Response(
            body=stored.content, content_type="application/octet-stream", headers=headers
        )


async def _content(request: web.BaseRequest) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    parts = await request.post()
    part = next(iter(parts.values()), "")
    if not isinstance(part, web.FileField):
        return str(part).encode()
    with part.file:
        return part.file.read()
