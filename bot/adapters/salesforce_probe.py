"""Tries Salesforce for `bullhorn check`: the login, the object's fields, the day's requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from simple_salesforce.api import Salesforce

from bot.adapters.salesforce_session import SalesforceSession, day_limits
from bot.domain.checkup import SalesforceFacts, Trouble
from bot.domain.salesforce import SalesforcePolicy
from bot.errors import SalesforceRefusedError, SalesforceUnavailableError

_LOGIN: Final = "See docs/howto/connect-salesforce.md"


class SalesforceProbe:
    """Satisfies `ports.checkup.SalesforceProbe`. Nothing is changed."""

    def __init__(self, *, session: SalesforceSession, policy: SalesforcePolicy) -> None:
        self._session = session
        self._policy = policy

    async def look(self) -> SalesforceFacts | Trouble:
        """The day's requests first: they need a login and the API's version, and no object."""
        policy = self._policy
        try:
            day = await self._session.call(day_limits, room=0)
        except SalesforceUnavailableError as error:
            return Trouble(why=str(error).rstrip("."), fix="Run this again later", absent=True)
        except SalesforceRefusedError as error:
            if error.code == "NOT_FOUND":
                why = f"it has no API version {policy.api_version}"
                return Trouble(why=why, fix="Set salesforce.api_version in the config")
            return Trouble(why=str(error).rstrip("."), fix=_LOGIN)
        try:
            described = await self._session.call(self._describe, room=0)
        except SalesforceUnavailableError as error:
            return Trouble(why=str(error).rstrip("."), fix="Run this again later", absent=True)
        except SalesforceRefusedError:
            why = f"its user sees no object {policy.object}"
            fix = "Give it read and edit on it, or set salesforce.object in the config"
            return Trouble(why=why, fix=fix)
        return SalesforceFacts(
            host=self._session.url.partition("://")[2],
            version=policy.api_version,
            limits=day,
            **described,
        )

    def _describe(self, client: Salesforce) -> Mapping[str, Any]:
        found: Any = client.restful(f"sobjects/{self._policy.object}/describe")
        policy = self._policy
        known = {one["name"]: one for one in found["fields"]}
        status = known.get(policy.status_field) or {}
        values = status.get("picklistValues") or []
        return {
            "editable": bool(found.get("updateable")),
            "missing": tuple(name for name in policy.fields if name not in known),
            "read_only": tuple(
                name
                for name in policy.fields
                if name in known and not known[name].get("updateable")
            ),
            "values": tuple(str(one["value"]) for one in values if one.get("active", True)),
        }
