"""Starts and stops the local Salesforce on one port."""

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable
from html import escape

from aiohttp import web

from bot.demo.localsalesforce.faults import Faults, error, reset
from bot.demo.localsalesforce.logins import Account, Logins
from bot.demo.localsalesforce.orders import OrderBook
from bot.demo.localsalesforce.rest import Rest

VERSIONS = re.compile(r"v(?:4\d|5\d|6[0-4])\.0")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class LocalSalesforce:
    """A Salesforce organisation served on this machine.

    Args:
        book: its orders; the flow is the book's.
        account: who may log in.
    """

    def __init__(self, *, book: OrderBook | None = None, account: Account | None = None) -> None:
        self.book = book or OrderBook()
        self.faults = Faults()
        self.logins = Logins(account=account or Account())
        self.rest = Rest(self.book)
        self.requests: deque[str] = deque(maxlen=1000)
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The instance's address, without a slash at the end."""
        return self.logins.base

    @property
    def environment(self) -> dict[str, str]:
        """What the bot needs to log in by client credentials."""
        account = self.logins.account
        return {
            "SALESFORCE_INSTANCE_URL": self.url,
            "SALESFORCE_CONSUMER_KEY": account.consumer_key,
            "SALESFORCE_CONSUMER_SECRET": account.consumer_secret,
        }

    async def start(self) -> None:
        """Listen on any free port of this machine."""
        self.faults.stopping = asyncio.Event()
        app = web.Application(middlewares=[self._guard], client_max_size=2**22)
        app.add_routes(
            [
                web.post("/services/oauth2/token", self.logins.token),
                web.post("/services/Soap/u/{version}", self.logins.soap),
                *self.rest.routes(),
                web.get("/{id:[A-Za-z0-9]{15,18}}", self._page),
            ]
        )
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self._runner = runner
        self.logins.base = f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening; safe to call twice."""
        runner, self._runner = self._runner, None
        if runner is not None:
            self.faults.stopping.set()
            await self.book.settle()
            await runner.cleanup()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Faults first, then the session and the version; every request counts."""
        api = request.path.startswith("/services/data/")
        line = f"{request.method} {request.path}"
        self.requests.append(line)
        fault = self.faults.take(line)
        if fault == "expired":
            self.logins.expire()
        if (instead := await self.faults.instead(fault, request)) is not None:
            return instead
        if api:
            self.rest.used += 1
            if not self.logins.accepts(request):
                return error(401, "INVALID_SESSION_ID", "Session expired or invalid")
            if VERSIONS.fullmatch(request.match_info.get("version", "")) is None:
                return error(404, "NOT_FOUND", "The requested resource does not exist")
        answer = await handler(request)
        if fault == "reset_after_effect":
            return reset(request)
        if api:
            answer.headers["Sforce-Limit-Info"] = f"api-usage={self.rest.used}/{self.rest.day}"
        return answer

    async def _page(self, request: web.Request) -> web.Response:
        """What a link to an order opens."""
        order = self.book.find(request.match_info["id"])
        if order is None:
            raise web.HTTPNotFound(text="No such order.")
        rows = "".join(
            f"<dt>{escape(name)}</dt><dd>{escape(str(value or ''))}</dd>"
            for name, value in order.values.items()
        )
        text = f"<!doctype html><title>Order</title><h1>Order {order.id}</h1><dl>{rows}</dl>"
        return web.Response(text=text, content_type="text/html")
