"""How the portal tells Salesforce what became of an order: 200 a call, as its own jobs end."""

import asyncio
import contextlib
import logging
from datetime import UTC, datetime
from typing import Any, NoReturn

import aiohttp

from bot.demo.localsalesforce.logins import Account
from bot.demo.localsalesforce.orders import (
    ACTIVATED,
    ERROR,
    ERROR_TIME,
    FAILED,
    OBJECT,
    STATUS,
    stamp,
)

_EVERY = 0.1
_AFTER_TROUBLE = 1.0
_BATCH = 200
_COLLECTION = "/services/data/v62.0/composite/sobjects"
_log = logging.getLogger(__name__)


class OrderUpdates:
    """Collects what became of orders and sends it on; what cannot be sent now is sent later.

    The runbook: "On Final Failure: Salesforce Order updated with error details".
    """

    def __init__(self, *, url: str) -> None:
        self._url = url
        self._waiting: dict[str, dict[str, Any]] = {}
        self._token = ""

    def done(self, order_id: str) -> None:
        """The order was fulfilled."""
        self._waiting[order_id] = {STATUS: ACTIVATED, ERROR: None, ERROR_TIME: None}

    def failed(self, order_id: str, error: str) -> None:
        """The order's job has failed for good."""
        now = stamp(datetime.now(tz=UTC))
        self._waiting[order_id] = {STATUS: FAILED, ERROR: error[:255], ERROR_TIME: now}

    async def run(self) -> NoReturn:
        """Send for ever."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            while True:
                pause = _EVERY if await self._flush(session) else _AFTER_TROUBLE
                await asyncio.sleep(pause)

    async def flush(self) -> None:
        """Send what waits, once."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=1)) as session:
            with contextlib.suppress(TimeoutError):
                await self._flush(session)

    async def _flush(self, session: aiohttp.ClientSession) -> bool:
        """Whether Salesforce took it; orders that it does not know are nothing to wait for."""
        while self._waiting:
            batch = dict(list(self._waiting.items())[:_BATCH])
            try:
                await self._send(session, batch)
            except (aiohttp.ClientError, TimeoutError) as error:
                _log.debug("Salesforce did not take updates: %s", error)
                return False
            for order_id, values in batch.items():
                if self._waiting.get(order_id) is values:  # and not a newer one
                    del self._waiting[order_id]
        return True

    async def _send(self, session: aiohttp.ClientSession, batch: dict[str, dict[str, Any]]) -> None:
        if not self._token:
            self._token = await self._log_in(session)
        kind = {"attributes": {"type": OBJECT}}
        records = [{**kind, "id": order_id, **values} for order_id, values in batch.items()]
        headers = {"Authorization": f"Bearer {self._token}"}
        body = {"allOrNone": False, "records": records}
        async with session.patch(self._url + _COLLECTION, json=body, headers=headers) as answer:
            if answer.status == 401:  # noqa: PLR2004 - the session has expired
                self._token = ""
            answer.raise_for_status()

    async def _log_in(self, session: aiohttp.ClientSession) -> str:
        account = Account()
        auth = aiohttp.BasicAuth(account.consumer_key, account.consumer_secret)
        url, data = f"{self._url}/services/oauth2/token", {"grant_type": "client_credentials"}
        async with session.post(url, data=data, auth=auth) as answer:
            answer.raise_for_status()
            return str((await answer.json())["access_token"])
