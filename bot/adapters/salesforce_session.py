"""Calls to Salesforce off the event loop: one session, renewed once, and a reserve kept."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from simple_salesforce.api import Salesforce

from bot.adapters.salesforce_errors import AWAY, CAUGHT, is_expired, translated
from bot.adapters.salesforce_login import Credentials, Timed, log_in
from bot.domain.salesforce import DayLimits
from bot.domain.times import Ms
from bot.errors import BullhornError, SalesforceUnavailableError

T = TypeVar("T")

_AT_ONCE: Final = 4
"""Calls under way together; simple-salesforce is synchronous, so each holds a thread."""
_STEPS: Final = 4
"""A call may be a login, itself, a login again and itself again."""
_KNOWN_FOR: Final = 60.0
"""Seconds after which it is asked anew whether the day's requests are still used up."""


class SalesforceSession:
    """Logs in when first used. `timeout` in ms is for one request, `reserve` of requests a day."""

    def __init__(
        self,
        *,
        credentials: Credentials,
        api_version: str,
        timeout: Ms,
        reserve: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._credentials = credentials
        self._version = api_version
        self._seconds = timeout / 1000
        self._reserve = reserve
        self._monotonic = monotonic
        self._http = Timed(seconds=self._seconds, local=credentials.local, most=_AT_ONCE)
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="salesforce")
        self._logging_in = threading.Lock()
        self._client: Salesforce | None = None
        self._url = credentials.instance_url or ""
        self._day: DayLimits | None = None
        self._day_at = 0.0

    @property
    def url(self) -> str:
        """The instance's address for links; "" before the first login."""
        return self._url

    async def call(
        self,
        ask: Callable[[Salesforce], T],
        *,
        changes: bool = False,
        room: int = 1,
    ) -> T:
        """What `ask` gets out of Salesforce.

        `room` is how many requests there must be left beside the reserve: for this one, and for
        those without which it had better not begin. 0: it may come out of the reserve.

        Raises:
            SalesforceUnavailableError: no answer in time, or the reserve is reached.
            SalesforceRefusedError: Salesforce says no.
        """

        def run() -> T | BullhornError:
            try:
                return self._asked(ask, room=room)
            except BullhornError as error:
                return error
            except CAUGHT as error:
                return translated(error, changes=changes)

        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_STEPS * self._seconds):
                answer = await loop.run_in_executor(self._threads, run)
        except TimeoutError:
            answer = SalesforceUnavailableError(AWAY, unclear=changes)
        # Raised out here, so that the library's error, which knows more, is not in its context.
        if isinstance(answer, BullhornError):
            raise answer
        return answer

    async def aclose(self) -> None:
        """Let go of the connections; calls under way end by their time limit."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._http.close()

    def _asked(self, ask: Callable[[Salesforce], T], *, room: int) -> T:
        client = self._logged_in(None)
        if room:
            self._keep_reserve(client, room)
        try:
            return self._counted(client, ask)
        except CAUGHT as error:
            if not is_expired(error):
                raise
        return self._counted(self._logged_in(client), ask)

    def _logged_in(self, expired: Salesforce | None) -> Salesforce:
        """The client of now; of those whose session has expired together, one renews it."""
        with self._logging_in:
            if self._client is None or self._client is expired:
                token, url = log_in(self._credentials, self._http, self._version)
                self._url = url
                # Given a session, the library leaves the renewal to us: it would try three times.
                self._client = Salesforce(
                    session_id=token,
                    instance_url=url,
                    session=self._http,
                    version=self._version,
                    object_pairs_hook=dict,
                )
            return self._client

    def _counted(self, client: Salesforce, ask: Callable[[Salesforce], T]) -> T:
        """Ask, and note what the answer's header says of the day's requests."""
        client.api_usage = {}
        answer = ask(client)
        usage = client.api_usage.get("api-usage")
        if usage is not None:
            self._note(DayLimits(remaining=max(0, usage.total - usage.used), allowed=usage.total))
        return answer

    def _note(self, day: DayLimits) -> None:
        self._day, self._day_at = day, self._monotonic()

    def _keep_reserve(self, client: Salesforce, room: int) -> None:
        day = self._day
        if day is None or day.remaining >= self._reserve + room:
            return
        if self._monotonic() - self._day_at >= _KNOWN_FOR:
            # The 24 hours roll on: whether there is room again, one request tells.
            day = self._counted(client, day_limits)
            self._note(day)
        if day.remaining < self._reserve + room:
            takes = f" This takes {room}." if room > 1 else ""
            raise SalesforceUnavailableError(
                f"{day.remaining:,} of the day's {day.allowed:,} Salesforce API requests are left, "
                f"and {self._reserve:,} are kept for others (salesforce.reserve).{takes}"
            )


def day_limits(client: Salesforce) -> DayLimits:
    """Ask for the day's API requests."""
    day = client.limits()["DailyApiRequests"]
    return DayLimits(remaining=int(day["Remaining"]), allowed=int(day["Max"]))
