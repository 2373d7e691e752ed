"""Socket Mode: the websocket over which the app gets its events."""

import asyncio
import json
import random
import secrets
import uuid
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import WSMsgType, web

from bot.demo.localslack.errors import DeliveryError, Json
from bot.demo.localslack.fixtures import WorkspaceConfig

MAX_CONNECTIONS = 10
_HEARTBEAT = 10.0
_REFRESH_GRACE = 5.0


class Delivery(Protocol):
    """How events reach the app."""

    async def deliver(self, kind: str, payload: Json, *, accepts_response: bool) -> Json | None:
        """Hand an event over and wait for the acknowledgement.

        Returns:
            What the app put into its acknowledgement, if anything.

        Raises:
            DeliveryError: ``dispatch_failed`` with no app there, ``operation_timeout``
                without an acknowledgement in time.
        """


@dataclass(kw_only=True, eq=False)
class Connection:
    """One websocket of the app."""

    ws: web.WebSocketResponse
    request: web.Request
    leaving: bool = False
    delivered: int = 0


@dataclass(kw_only=True)
class SocketDelivery:
    """Delivers each event to one connection at random, as Slack does.

    Commands and clicks that are not acknowledged in time fail. Events are sent once more,
    to another connection if there is one.
    """

    config: WorkspaceConfig
    connections: list[Connection] = field(default_factory=list)
    _tickets: set[str] = field(default_factory=set)
    _pending: dict[str, asyncio.Future[Json | None]] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def ticket(self) -> str:
        """A one-time key for opening a connection."""
        ticket = str(uuid.uuid4())
        self._tickets.add(ticket)
        return ticket

    @property
    def ready(self) -> list[Connection]:
        """The connections that take events."""
        return [c for c in self.connections if not c.leaving and not c.ws.closed]

    async def deliver(self, kind: str, payload: Json, *, accepts_response: bool) -> Json | None:
        """See `Delivery`."""
        try:
            return await self._send(kind, payload, accepts_response=accepts_response, attempt=0)
        except DeliveryError:
            if kind != "events_api":
                raise
            return await self._send(kind, payload, accepts_response=accepts_response, attempt=1)

    async def _send(
        self, kind: str, payload: Json, *, accepts_response: bool, attempt: int
    ) -> Json | None:
        if not self.ready:
            raise DeliveryError("dispatch_failed")
        fresh = min(c.delivered for c in self.ready) if attempt else None
        choices = [c for c in self.ready if fresh is None or c.delivered == fresh]
        connection = random.choice(choices)
        connection.delivered += 1
        envelope_id = str(uuid.uuid4())
        envelope: Json = {
            "envelope_id": envelope_id,
            "type": kind,
            "payload": payload,
            "accepts_response_payload": accepts_response,
        }
        if kind == "events_api":
            envelope |= {"retry_attempt": attempt, "retry_reason": "timeout" if attempt else ""}
        waiting: asyncio.Future[Json | None] = asyncio.get_running_loop().create_future()
        self._pending[envelope_id] = waiting
        try:
            await connection.ws.send_str(json.dumps(envelope))
            answer = await asyncio.wait_for(waiting, self.config.ack_timeout)
        except (TimeoutError, ConnectionError):
            raise DeliveryError("operation_timeout") from None
        finally:
            self._pending.pop(envelope_id, None)
        return answer if accepts_response else None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one websocket of the app."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=403, text="invalid ticket")
        self._tickets.discard(ticket)
        ws = web.WebSocketResponse(heartbeat=_HEARTBEAT, timeout=0.5)
        await ws.prepare(request)
        connection = Connection(ws=ws, request=request)
        if len(self.ready) >= MAX_CONNECTIONS:
            await self._say_goodbye(connection, "too_many_websockets")
            await ws.close()
            return ws
        self.connections.append(connection)
        try:
            await ws.send_json(self._hello())
            async for message in ws:
                if message.type is WSMsgType.TEXT:
                    self._acknowledge(message.data)
        finally:
            self.connections.remove(connection)
        return ws

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self.ready),
            "debug_info": {
                "host": "applink-local",
                "build_number": 1,
                "approximate_connection_time": 18060,
            },
            "connection_info": {"app_id": self.config.app_id},
        }

    def _acknowledge(self, text: str) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            return
        waiting = self._pending.get(str(message.get("envelope_id")))
        if waiting is not None and not waiting.done():
            payload = message.get("payload")
            waiting.set_result(payload if isinstance(payload, dict) and payload else None)

    async def _say_goodbye(self, connection: Connection, reason: str) -> None:
        info = {"host": f"applink-local-{secrets.token_hex(2)}"}
        await connection.ws.send_json({"type": "disconnect", "reason": reason, "debug_info": info})

    async def control(self, action: str) -> int:
        """Do to all connections what Slack sometimes does; returns how many there were.

        Args:
            action: ``refresh`` asks the app to reconnect and closes a little later,
                ``warning`` says that this will come soon, ``disconnect`` closes now,
                ``drop`` cuts the line without a word.

        Raises:
            ValueError: for any other action.
        """
        if action not in {"refresh", "warning", "disconnect", "drop"}:
            raise ValueError(f"no socket action {action!r}")
        affected = list(self.connections)
        for connection in affected:
            if action == "warning":
                await self._say_goodbye(connection, "warning")
            elif action == "refresh":
                connection.leaving = True
                await self._say_goodbye(connection, "refresh_requested")
                self._later(connection)
            elif action == "disconnect":
                connection.leaving = True
                await connection.ws.close()
            else:
                connection.leaving = True
                if connection.request.transport is not None:
                    connection.request.transport.abort()
        return len(affected)

    def _later(self, connection: Connection) -> None:
        async def close() -> None:
            await asyncio.sleep(_REFRESH_GRACE)
            await connection.ws.close()

        task = asyncio.create_task(close())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Close every connection."""
        for task in list(self._tasks):
            task.cancel()
        for waiting in self._pending.values():
            waiting.cancel()
        await asyncio.gather(*(c.ws.close() for c in list(self.connections)))
