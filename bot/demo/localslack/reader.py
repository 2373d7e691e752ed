"""Looks at the local Slack the way a person does, and waits for things to appear."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self, TypeVar

import aiohttp

from bot.demo.localslack.errors import Json
from bot.demo.localslack.fixtures import ALICE, INCIDENTS
from bot.demo.localslack.shown import Shown, picture, read, readable

Predicate = str | Callable[[Shown], bool]
_T = TypeVar("_T")
_POLL = 0.05


class Reader:
    """A person at the screen.

    Args:
        url: the local Slack's address.
        user: who acts when a call does not say.
        channel: where, when a call does not say.
        timeout: seconds that waits take before they fail.
    """

    def __init__(
        self, url: str, *, user: str = ALICE, channel: str = INCIDENTS, timeout: float = 10.0
    ) -> None:
        self.url = url.rstrip("/")
        self.user = user
        self.channel = channel
        self.timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the HTTP session."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, path: str, **params: str) -> Json:
        """GET one of the page's endpoints."""
        async with self._http().get(self.url + path, params=params) as response:
            body: Json = await response.json()
            return body

    async def post(self, path: str, body: Json) -> Json:
        """POST to one of the page's endpoints."""
        async with self._http().post(self.url + path, json=body) as response:
            answer: Json = await response.json()
            return answer

    async def download(self, file: Json) -> bytes:
        """What is in a file that a message shares."""
        async with self._http().get(file["url_private_download"]) as response:
            response.raise_for_status()
            return await response.read()

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

    async def messages(self, *, user: str = "", channel: str = "") -> list[Shown]:
        """Everything this person sees in a channel, replies included, oldest first."""
        where = {"user": user or self.user, "channel": channel or self.channel}
        answer = await self.get("/local/messages", **where)
        return [Shown(message) for message in answer["messages"]]

    async def last(self, *, user: str = "", channel: str = "") -> Shown | None:
        """The newest message this person sees."""
        found = await self.messages(user=user, channel=channel)
        return found[-1] if found else None

    async def wait_for(
        self,
        wanted: Predicate,
        *,
        user: str = "",
        channel: str = "",
        after: str = "",
        timeout: float | None = None,  # noqa: ASYNC109 - a deadline for polling, as pytest users expect
    ) -> Shown:
        """Wait until a message is there; the newest that fits is returned.

        Args:
            wanted: a part of its text, or a test of the message.
            user: who looks.
            channel: where.
            after: only messages newer than this ts.
            timeout: seconds to wait.

        Raises:
            AssertionError: it did not come; the text shows what was on the screen.
        """
        seen: list[Shown] = []

        async def look() -> Shown | None:
            nonlocal seen
            seen = await self.messages(user=user, channel=channel)
            fitting = [m for m in seen if _fits(m, wanted) and (not after or m.ts > after)]
            return fitting[-1] if fitting else None

        found = await self._poll(look, timeout)
        if found is None:
            what = repr(wanted) if isinstance(wanted, str) else "the expected message"
            raise AssertionError(f"{what} did not appear. On the screen:\n{picture(seen)}")
        return found

    async def wait_until_gone(
        self,
        wanted: Predicate,
        *,
        user: str = "",
        channel: str = "",
        timeout: float | None = None,  # noqa: ASYNC109 - as in wait_for
    ) -> None:
        """Wait until no message fits.

        Raises:
            AssertionError: one is still there.
        """
        seen: list[Shown] = []

        async def look() -> bool | None:
            nonlocal seen
            seen = await self.messages(user=user, channel=channel)
            return None if any(_fits(m, wanted) for m in seen) else True

        if await self._poll(look, timeout) is None:
            raise AssertionError(f"{wanted!r} is still there:\n{picture(seen)}")

    async def _poll(
        self, look: Callable[[], Awaitable[_T | None]], seconds: float | None
    ) -> _T | None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (self.timeout if seconds is None else seconds)
        while True:
            found = await look()
            if found is not None or loop.time() >= deadline:
                return found
            await asyncio.sleep(_POLL)

    async def modal(self, *, user: str = "") -> Json | None:
        """The modal this person looks at, as Slack's view object."""
        view: Json | None = (await self.get("/local/view", user=user or self.user))["view"]
        return view

    async def wait_for_modal(
        self,
        text: str = "",
        *,
        user: str = "",
        timeout: float | None = None,  # noqa: ASYNC109 - as in wait_for
    ) -> Json:
        """Wait for a modal whose title or content has this text.

        Raises:
            AssertionError: it did not open; the text shows the one that is open, if any.
        """
        view: Json | None = None

        async def look() -> Json | None:
            nonlocal view
            view = await self.modal(user=user)
            return view if view is not None and text in view_text(view) else None

        found = await self._poll(look, timeout)
        if found is None:
            shown = view_text(view) if view else "(no modal is open)"
            raise AssertionError(f"no modal with {text!r} opened. On the screen:\n{shown}")
        return found

    async def home(self, *, user: str = "") -> Json | None:
        """This person's App Home as Slack's view object."""
        view: Json | None = (await self.get("/local/view", user=user or self.user))["home"]
        return view

    async def state(self) -> Json:
        """People, channels, and how many connections the app has."""
        return await self.get("/local/state")

    async def wait_for_connection(
        self,
        count: int = 1,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - as in wait_for
    ) -> None:
        """Wait until the app has this many Socket Mode connections.

        Raises:
            AssertionError: it has not.
        """

        async def look() -> bool | None:
            return True if (await self.state())["connections"] >= count else None

        if await self._poll(look, timeout) is None:
            raise AssertionError(f"the app has not opened {count} connection(s)")

    async def calls(self, method: str = "", *, channel: str = "") -> list[Json]:
        """The Web API calls that arrived, oldest first."""
        answer = await self.get("/local/calls", method=method, channel=channel)
        found: list[Json] = answer["calls"]
        return found

    async def wait_for_calls(
        self,
        method: str,
        count: int = 1,
        *,
        channel: str = "",
        timeout: float | None = None,  # noqa: ASYNC109 - as in wait_for
    ) -> list[Json]:
        """Wait until this many calls of a method have arrived; all of them are returned.

        Raises:
            AssertionError: fewer have.
        """
        seen: list[Json] = []

        async def look() -> list[Json] | None:
            nonlocal seen
            seen = await self.calls(method, channel=channel)
            return seen if len(seen) >= count else None

        found = await self._poll(look, timeout)
        if found is None:
            raise AssertionError(f"{len(seen)} of {count} calls of {method}: {seen}")
        return found

    async def rates(self) -> Json:
        """Per channel, the busiest second of posts and minute of edits."""
        rates: Json = (await self.get("/local/calls"))["rates"]
        return rates


def _fits(message: Shown, wanted: Predicate) -> bool:
    if callable(wanted):
        return bool(wanted(message))
    return wanted in message.text or wanted in message.fallback


def view_text(view: Json) -> str:
    """The words of a modal or home."""
    title = (view.get("title") or {}).get("text", "")
    return readable("\n".join([title, *(read(block) for block in view["blocks"])]))
