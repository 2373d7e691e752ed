"""Starts and stops the local Slack on one port."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from bot.demo.localslack.browser import Browser, Handler, World
from bot.demo.localslack.context import Context
from bot.demo.localslack.fixtures import DEFAULT_WORKSPACE, WorkspaceConfig
from bot.demo.localslack.httpdelivery import HttpDelivery
from bot.demo.localslack.interactions import Interactions
from bot.demo.localslack.methods_files import FileRoutes
from bot.demo.localslack.modals import Modals
from bot.demo.localslack.responseurl import ResponseUrls
from bot.demo.localslack.socketmode import SocketDelivery
from bot.demo.localslack.webapi import WebApi

__all__ = ["LocalSlack", "World"]

_STATIC = Path(__file__).parent / "static"
_BODY_LIMIT = 8 * 1024 * 1024
_POLICY = (
    "default-src 'self'; img-src 'self' data: http: https:; style-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class LocalSlack:
    """A Slack workspace served on this machine.

    Args:
        config: people, channels and tokens.
        world: the live queues for the page's side panel; None hides the panel.
        clock: seconds since the epoch, for tests of lifetimes.
    """

    def __init__(
        self,
        config: WorkspaceConfig = DEFAULT_WORKSPACE,
        *,
        world: World | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.config = config
        self.ctx = Context.fresh(config, clock)
        self.sockets = SocketDelivery(config=config)
        self.ctx.socket_ticket = self._socket_url
        self.interactions = Interactions(ctx=self.ctx, delivery=self.sockets)
        self.browser = Browser(
            ctx=self.ctx,
            interactions=self.interactions,
            modals=Modals(interactions=self.interactions),
            sockets=self.sockets,
            world=world,
        )
        self._runner: web.AppRunner | None = None

    def deliver_to(self, url: str) -> None:
        """Deliver by HTTP to this request URL from now on, instead of by Socket Mode."""
        self.interactions.delivery = HttpDelivery(config=self.config, url=url)

    @property
    def url(self) -> str:
        """The page's address, with a slash at the end."""
        return self.ctx.base_url

    @property
    def api_url(self) -> str:
        """What SLACK_API_URL must be for the bot."""
        return f"{self.ctx.base_url}api/"

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes any free one. After `stop` it goes on with what it had.

        Raises:
            OSError: the port is taken.
        """
        self.ctx.faults.stopping = asyncio.Event()
        runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        bound = runner.addresses[0][1]
        shown = "127.0.0.1" if host in {"0.0.0.0", "::", ""} else host  # noqa: S104 - compared only
        self.ctx.base_url = f"http://{shown}:{bound}/"

    async def stop(self) -> None:
        """Close every connection and stop listening; safe to call twice."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        self.ctx.faults.stopping.set()
        await self.sockets.stop()
        await self.browser.stop()
        await runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=_BODY_LIMIT, middlewares=[_same_site])
        api, files = WebApi(self.ctx), FileRoutes(self.ctx)
        app.add_routes(
            [
                web.get("/", _page),
                web.get("/archives/{channel}/{message}", _page),
                web.route("*", "/api/{method}", api.handle),
                web.post("/upload/v1/{key}", files.upload),
                web.get("/files/{file}/{key}", files.download),
                web.get("/socket", self.sockets.handle),
                web.post("/response/{team}/{key}", ResponseUrls(self.ctx).handle),
                *self.browser.routes(),
                web.static("/static", _STATIC),
            ]
        )
        app.on_response_prepare.append(_headers)
        return app

    def _socket_url(self) -> str:
        base = self.ctx.base_url.replace("http://", "ws://", 1)
        ticket = self.sockets.ticket()
        return f"{base}socket?ticket={ticket}&app_id={self.config.app_id}"


async def _page(_request: web.Request) -> web.StreamResponse:
    return web.FileResponse(_STATIC / "index.html")


async def _headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.setdefault("Content-Security-Policy", _POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers.setdefault("Cache-Control", "no-cache")


@web.middleware
async def _same_site(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Keep other web pages from pressing buttons here: the demo retries real jobs."""
    own = request.path.startswith(("/local/", "/world"))
    if own and request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}:
        return web.json_response({"ok": False, "error": "cross_site"}, status=403)
    return await handler(request)
