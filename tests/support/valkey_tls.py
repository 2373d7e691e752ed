"""TLS in front of a server: the embedded Valkey is built without it.

The certificates in `tls/` are for tests only: a private CA, and a server's certificate for
127.0.0.1 that it signed, both good for a hundred years. The CA's key was thrown away.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).with_name("tls")
CA: Final = _FOLDER / "ca.pem"


@asynccontextmanager
async def tls_before(host: str, port: int) -> AsyncIterator[int]:
    """Listen with TLS, and pass on what comes to a server; gives the port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(_FOLDER / "server.pem", _FOLDER / "server.key")
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        behind, out = await asyncio.open_connection(host, port)
        await asyncio.gather(_pass_on(reader, out), _pass_on(behind, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        if tasks:
            await asyncio.wait(tasks, timeout=5)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:  # the other end is gone
        pass
    finally:
        writer.close()
