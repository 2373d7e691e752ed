"""Response URLs: answers to a command or a click without a token."""

import json

from aiohttp import web

from bot.demo.localslack import posting
from bot.demo.localslack.calls import Call
from bot.demo.localslack.context import Context
from bot.demo.localslack.errors import Json, SlackError
from bot.demo.localslack.tickets import ResponseTicket
from bot.demo.localslack.workspace import Message

METHOD = "response_url"
_GONE = {"invalid_url", "expired_url", "used_url"}


class ResponseUrls:
    """Answers ``POST /response/TEAM/KEY``."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Take one answer; Slack says ``ok`` in plain text, refusals are JSON."""
        try:
            args = json.loads(await request.text())
        except ValueError:
            args = None
        if not isinstance(args, dict):
            return web.json_response({"ok": False, "error": "invalid_payload"}, status=400)
        fault = self._ctx.faults.take(METHOD, "")
        if fault is not None:
            early = await self._ctx.faults.before(fault, request)
            if early is not None:
                self._log(args, "", error=fault.kind, fault=fault.kind)
                return early
        try:
            ticket = self._ctx.tickets.redeem(request.match_info["key"])
            ts = self._apply(ticket, args)
        except SlackError as refusal:
            self._log(args, "", error=refusal.name)
            status = 404 if refusal.name in _GONE else 400
            return web.json_response(refusal.body(), status=status)
        self._log(args, ticket.channel, ts=ts, fault=fault.kind if fault else "")
        late = await self._ctx.faults.after(fault, request) if fault else None
        return late if late is not None else web.Response(text="ok")

    def _apply(self, ticket: ResponseTicket, args: Json) -> str:
        workspace = self._ctx.workspace
        original = workspace.messages[ticket.channel].get(ticket.message_ts)
        if args.get("delete_original") is True:
            if original is not None:
                workspace.remove(original)
            return ticket.message_ts
        if args.get("replace_original") is True and original is not None:
            content = {key: value for key, value in args.items() if value is not None}
            return posting.change(workspace, original, {"attachments": [], **content}).ts
        return self._new(ticket, args, original)

    def _new(self, ticket: ResponseTicket, args: Json, original: Message | None) -> str:
        shared = args.get("response_type") == "in_channel"
        thread_ts = args.get("thread_ts") or (ticket.thread_ts if not shared else "")
        if original is not None and original.ephemeral_to and not args.get("thread_ts"):
            thread_ts = original.thread_ts
        message = posting.post(
            self._ctx.workspace,
            self._ctx.workspace.channels[ticket.channel],
            {**args, "thread_ts": thread_ts},
            user=self._ctx.config.bot.id,
            ephemeral_to="" if shared else ticket.user,
        )
        return message.ts

    def _log(
        self, args: Json, channel: str, *, ts: str = "", error: str = "", fault: str = ""
    ) -> None:
        self._ctx.calls.add(
            Call(
                method=METHOD,
                args=args,
                at=self._ctx.workspace.clock(),
                ok=not error,
                error=error,
                channel=channel,
                ts=ts,
                fault=fault,
            )
        )
