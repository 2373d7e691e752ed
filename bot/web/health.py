"""`/healthz` (the process lives), `/readyz` (it does its work), `/metrics`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiohttp import web

Readiness = Callable[[], Mapping[str, bool]]
"""What must be true to be ready, by name."""


def build(*, ready: Readiness, exposition: Callable[[], bytes]) -> web.Application:
    """The application that answers the three."""
    app = web.Application()

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        checks = ready()
        status = 200 if all(checks.values()) else 503
        return web.json_response({"ready": status == 200, **checks}, status=status)  # noqa: PLR2004

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(
            body=exposition(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
    return app
