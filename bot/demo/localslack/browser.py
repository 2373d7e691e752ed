"""The page's own JSON API, which the test driver uses too, and the stream of changes."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import web

from bot.demo.localslack import present
from bot.demo.localslack.context import Context
from bot.demo.localslack.errors import Json, SlackError
from bot.demo.localslack.faults import Fault
from bot.demo.localslack.interactions import Interactions
from bot.demo.localslack.modals import Modals
from bot.demo.localslack.socketmode import SocketDelivery

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class World(Protocol):
    """The live queues behind the bot, for the panel beside the messages."""

    async def snapshot(self) -> dict[str, Any]:
        """Queues, systems and switches as they are now."""

    async def switch(self, switch_id: str, on: bool | None) -> dict[str, Any]:
        """Flip a toggle, or press a button (``on`` is None); answers with a snapshot."""


@dataclass(kw_only=True)
class Browser:
    """Serves ``/local/*`` and ``/world``."""

    ctx: Context
    interactions: Interactions
    modals: Modals
    sockets: SocketDelivery
    world: World | None = None
    _streams: set[web.WebSocketResponse] = field(default_factory=set)

    def routes(self) -> list[web.RouteDef]:
        """All routes of this part."""
        posts = {
            "/local/command": self._say,
            "/local/message": self._say,
            "/local/action": self._action,
            "/local/view/action": self._view_action,
            "/local/view/submit": self._view_submit,
            "/local/view/close": self._view_close,
            "/local/home": self._home,
            "/local/dismiss": self._dismiss,
            "/local/faults": self._fault,
            "/local/faults/clear": self._clear_faults,
            "/local/socket": self._socket,
            "/local/reset": self._reset,
            "/world/switch": self._switch,
        }
        gets: dict[str, Handler] = {
            "/local/state": self._state,
            "/local/messages": self._messages,
            "/local/view": self._view,
            "/local/calls": self._calls,
            "/local/stream": self._stream,
            "/world": self._world,
        }
        return [
            *(web.post(path, _json_handler(handler)) for path, handler in posts.items()),
            *(web.get(path, handler) for path, handler in gets.items()),
        ]

    async def _say(self, body: Json) -> Json:
        text, thread_ts = str(body.get("text", "")).strip(), str(body.get("thread_ts") or "")
        return await self.interactions.say(body["user"], body["channel"], text, thread_ts=thread_ts)

    async def _action(self, body: Json) -> Json:
        return await self.interactions.click(
            user=body["user"],
            channel=body["channel"],
            ts=body["ts"],
            action_id=body["action_id"],
            block_id=str(body.get("block_id") or ""),
            value=body.get("selected_option", body.get("value")),
        )

    async def _view_action(self, body: Json) -> Json:
        return await self.modals.click(
            user=body["user"],
            view_id=body["view_id"],
            action_id=body["action_id"],
            block_id=str(body.get("block_id") or ""),
            value=body.get("selected_option", body.get("value")),
        )

    async def _view_submit(self, body: Json) -> Json:
        return await self.modals.submit(
            user=body["user"], view_id=body["view_id"], values=body.get("values") or {}
        )

    async def _view_close(self, body: Json) -> Json:
        return await self.modals.close(user=body["user"], view_id=body["view_id"])

    async def _home(self, body: Json) -> Json:
        return await self.interactions.open_home(body["user"])

    async def _dismiss(self, body: Json) -> Json:
        message = self.ctx.workspace.message(body["channel"], body["ts"])
        if message.ephemeral_to != body["user"]:
            raise SlackError("cant_dismiss")
        self.ctx.workspace.remove(message)
        return {"ok": True}

    async def _fault(self, body: Json) -> Json:
        self.ctx.faults.rules.append(Fault(**body))
        return {"ok": True}

    async def _clear_faults(self, _body: Json) -> Json:
        self.ctx.faults.rules.clear()
        return {"ok": True}

    async def _socket(self, body: Json) -> Json:
        return {"ok": True, "connections": await self.sockets.control(str(body["action"]))}

    async def _reset(self, _body: Json) -> Json:
        self.ctx.reset()
        return {"ok": True}

    async def _switch(self, body: Json) -> Json:
        if self.world is None:
            raise SlackError("no_world")
        return await self.world.switch(str(body["id"]), body.get("on"))

    async def _state(self, _request: web.Request) -> web.StreamResponse:
        body = present.state(
            self.ctx, connections=len(self.sockets.ready), has_world=self.world is not None
        )
        return web.json_response(body)

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        user = request.query.get("user", "")
        channels = [request.query["channel"]] if "channel" in request.query else []
        found: list[Json] = []
        for channel in channels or list(self.ctx.workspace.channels):
            if user in getattr(self.ctx.workspace.channels.get(channel), "members", ()):
                found += present.messages(self.ctx, channel, user)
        return web.json_response({"ok": True, "messages": found})

    async def _view(self, request: web.Request) -> web.StreamResponse:
        user = request.query.get("user", "")
        views = self.ctx.views
        body = {"ok": True, "view": views.top(user), "home": views.homes.get(user)}
        return web.json_response(body)

    async def _calls(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        calls = self.ctx.calls.select(
            method=query.get("method", ""),
            channel=query.get("channel", ""),
            since=float(query.get("since", 0)),
        )
        return web.json_response({"ok": True, "calls": calls, "rates": self.ctx.calls.rates()})

    async def _world(self, _request: web.Request) -> web.StreamResponse:
        if self.world is None:
            return web.json_response({"ok": False, "error": "no_world"}, status=404)
        return web.json_response(await self.world.snapshot())

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        user = request.query.get("user", "")
        ws = web.WebSocketResponse(heartbeat=20.0, timeout=0.5)
        await ws.prepare(request)
        pending: asyncio.Queue[str] = asyncio.Queue()

        def listen(change: Json) -> None:
            shown = present.change_json(self.ctx, change, user)
            if shown is not None:
                pending.put_nowait(json.dumps(shown))

        async def send() -> None:
            while True:
                await ws.send_str(await pending.get())

        self.ctx.workspace.listeners.append(listen)
        self._streams.add(ws)
        sender = asyncio.create_task(send())
        try:
            async for _message in ws:
                continue
        finally:
            sender.cancel()
            self._streams.discard(ws)
            self.ctx.workspace.listeners.remove(listen)
        return ws

    async def stop(self) -> None:
        """Close the stream of every open page."""
        await asyncio.gather(*(ws.close() for ws in list(self._streams)))


def _json_handler(handler: Callable[[Json], Awaitable[Json]]) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            body = json.loads(await request.text() or "{}")
            return web.json_response(await handler(body))
        except SlackError as refusal:
            return web.json_response(refusal.body())
        except (KeyError, TypeError, ValueError) as problem:
            answer = {"ok": False, "error": "invalid_arguments", "detail": str(problem)}
            return web.json_response(answer, status=400)

    return handle
