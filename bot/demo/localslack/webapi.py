"""The Web API: ``POST /api/METHOD`` as Slack answers it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.demo.localslack import (
    methods_chat,
    methods_conversations,
    methods_files,
    methods_people,
    methods_views,
)
from bot.demo.localslack.calls import Call
from bot.demo.localslack.context import Context
from bot.demo.localslack.errors import Json, SlackError
from bot.domain.scopes import NEEDED

_JSON_ARGS = {
    "blocks": "invalid_blocks_format",
    "attachments": "invalid_attachments",
    "metadata": "invalid_metadata_format",
    "view": "invalid_arguments",
}


@dataclass(frozen=True, kw_only=True)
class Method:
    """One Web API method: what runs, with which token, under which scope."""

    run: Callable[[Context, Json], Json]
    scopes: tuple[str, ...] = ()
    app_token: bool = False


_HISTORY = ("channels:history", "groups:history", "im:history")
_READ = ("channels:read", "groups:read", "im:read")

METHODS: dict[str, Method] = {
    "api.test": Method(run=methods_people.api_test),
    "auth.test": Method(run=methods_people.auth_test),
    "apps.connections.open": Method(run=methods_people.connections_open, app_token=True),
    "chat.postMessage": Method(run=methods_chat.post_message, scopes=("chat:write",)),
    "chat.update": Method(run=methods_chat.update, scopes=("chat:write",)),
    "chat.postEphemeral": Method(run=methods_chat.post_ephemeral, scopes=("chat:write",)),
    "chat.delete": Method(run=methods_chat.delete, scopes=("chat:write",)),
    "chat.getPermalink": Method(run=methods_chat.get_permalink),
    "conversations.history": Method(run=methods_conversations.history, scopes=_HISTORY),
    "conversations.replies": Method(run=methods_conversations.replies, scopes=_HISTORY),
    "conversations.list": Method(run=methods_conversations.list_, scopes=_READ),
    "conversations.info": Method(run=methods_conversations.info, scopes=_READ),
    "conversations.members": Method(run=methods_conversations.members, scopes=_READ),
    "conversations.join": Method(run=methods_conversations.join, scopes=("channels:join",)),
    "conversations.open": Method(
        run=methods_conversations.open_, scopes=("im:write", "channels:manage")
    ),
    "files.getUploadURLExternal": Method(run=methods_files.get_upload_url, scopes=("files:write",)),
    "files.completeUploadExternal": Method(
        run=methods_files.complete_upload, scopes=("files:write",)
    ),
    "users.info": Method(run=methods_people.users_info, scopes=("users:read",)),
    "users.list": Method(run=methods_people.users_list, scopes=("users:read",)),
    "usergroups.list": Method(run=methods_people.usergroups_list, scopes=("usergroups:read",)),
    "usergroups.users.list": Method(
        run=methods_people.usergroups_users_list, scopes=("usergroups:read",)
    ),
    "views.open": Method(run=methods_views.open_),
    "views.push": Method(run=methods_views.push),
    "views.update": Method(run=methods_views.update),
    "views.publish": Method(run=methods_views.publish),
}


async def read_args(request: web.Request) -> Json:
    """The arguments of a call, from the query, a form or a JSON body.

    Raises:
        SlackError: ``invalid_json``, or the error for an argument that should hold JSON.
    """
    args: Json = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = json.loads(await request.text() or "{}")
        except ValueError:
            raise SlackError("invalid_json") from None
        if not isinstance(body, dict):
            raise SlackError("json_not_object")
        args |= body
    else:
        args |= dict(await request.post())
    for key, error in _JSON_ARGS.items():
        if isinstance(args.get(key), str):
            args[key] = _decoded(args[key], error)
    return {key: value for key, value in args.items() if value is not None}


def _decoded(value: str, error: str) -> Any:
    if not value:
        return None
    try:
        return json.loads(value)
    except ValueError:
        raise SlackError(error) from None


def _method(name: str) -> Method:
    try:
        return METHODS[name]
    except KeyError:
        raise SlackError("unknown_method", req_method=name) from None


def _check_token(ctx: Context, request: web.Request, args: Json, method: Method) -> None:
    header = request.headers.get("Authorization", "")
    token = header.removeprefix("Bearer ").strip() or str(args.get("token") or "")
    if not token:
        raise SlackError("not_authed")
    if token not in {ctx.config.bot_token, ctx.config.app_token}:
        raise SlackError("invalid_auth")
    wanted = ctx.config.app_token if method.app_token else ctx.config.bot_token
    if token != wanted:
        raise SlackError("not_allowed_token_type")
    scopes = ctx.config.scopes
    if scopes is not None and method.scopes and not scopes & set(method.scopes):
        raise SlackError(
            "missing_scope", needed=",".join(method.scopes), provided=",".join(sorted(scopes))
        )


class WebApi:
    """Answers ``/api/METHOD``, logs each call and lets faults interfere."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call; the bot token's scopes are in a header, as Slack does it."""
        response = await self._handle(request)
        if not response.prepared:
            granted = self._ctx.config.scopes
            scopes = NEEDED if granted is None else sorted(granted)
            response.headers["X-OAuth-Scopes"] = ",".join(scopes)
        return response

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        args: Json = {}
        try:
            args = await read_args(request)
            method = _method(name)
            if name != "api.test":
                _check_token(self._ctx, request, args, method)
        except SlackError as refusal:
            self._log(name, args, refusal.body())
            return web.json_response(refusal.body())
        args.pop("token", None)
        return await self._answer(request, name, method, args)

    async def _answer(
        self, request: web.Request, name: str, method: Method, args: Json
    ) -> web.StreamResponse:
        faults = self._ctx.faults
        fault = faults.take(name, str(args.get("channel", "")))
        if fault is not None:
            self_answered = fault.kind == "ratelimited" or fault.kind.startswith("error:")
            early_kinds = {"http500", "timeout_before_effect", "hang", "reset"}
            if self_answered or fault.kind in early_kinds:
                error = fault.kind.removeprefix("error:")
                self._log(name, args, {"ok": False, "error": error}, fault=fault.kind)
            early = await faults.before(fault, request)
            if early is not None:
                return early
        try:
            answer = method.run(self._ctx, args)
        except SlackError as refusal:
            answer = refusal.body()
        self._log(name, args, answer, fault=fault.kind if fault else "")
        late = await faults.after(fault, request) if fault else None
        return late if late is not None else web.json_response(answer)

    def _log(self, name: str, args: Json, answer: Json, *, fault: str = "") -> None:
        warnings = answer.get("response_metadata", {}).get("warnings", [])
        self._ctx.calls.add(
            Call(
                method=name,
                args={key: value for key, value in args.items() if key != "token"},
                at=self._ctx.workspace.clock(),
                ok=bool(answer.get("ok")),
                error=str(answer.get("error", "")),
                fault=fault,
                channel=str(answer.get("channel") or args.get("channel") or "")
                if not isinstance(answer.get("channel"), dict)
                else str(answer["channel"].get("id", "")),
                ts=str(answer.get("ts") or answer.get("message_ts") or ""),
                warnings=tuple(warnings),
            )
        )
