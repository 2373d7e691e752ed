"""The real adapter of Salesforce in front of a local Salesforce."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bot.adapters.salesforce import SalesforceOrders
from bot.adapters.salesforce_login import Credentials
from bot.adapters.salesforce_probe import SalesforceProbe
from bot.adapters.salesforce_session import SalesforceSession
from bot.demo.localsalesforce import LocalSalesforce
from bot.domain.salesforce import SalesforcePolicy
from bot.domain.salesforce_login import LoginKind

POLICY = SalesforcePolicy(timeout=2_000, reserve=100)


@dataclass
class Connected:
    """A session, and what uses it."""

    session: SalesforceSession
    orders: SalesforceOrders
    probe: SalesforceProbe


def credentials(server: LocalSalesforce, kind: LoginKind, **other: Any) -> Credentials:
    """The login of one kind that the server accepts, unless `other` spoils it."""
    account = server.logins.account
    given: dict[LoginKind, dict[str, str]] = {
        LoginKind.JWT: {"consumer_key": account.consumer_key, "username": account.username},
        LoginKind.CLIENT_CREDENTIALS: {
            "consumer_key": account.consumer_key,
            "consumer_secret": account.consumer_secret,
        },
        LoginKind.PASSWORD: {
            "username": account.username,
            "password": account.password,
            "security_token": account.security_token,
        },
    }
    return Credentials(kind=kind, instance_url=server.url, **{**given[kind], **other})


@asynccontextmanager
async def connected(
    server: LocalSalesforce,
    *,
    kind: LoginKind = LoginKind.CLIENT_CREDENTIALS,
    policy: SalesforcePolicy = POLICY,
    session: dict[str, Any] | None = None,
    **other: Any,
) -> AsyncIterator[Connected]:
    """The adapters, logged in when first used."""
    made = SalesforceSession(
        credentials=credentials(server, kind, **other),
        api_version=policy.api_version,
        timeout=policy.timeout,
        reserve=policy.reserve,
        **(session or {}),
    )
    try:
        yield Connected(
            session=made,
            orders=SalesforceOrders(session=made, policy=policy),
            probe=SalesforceProbe(session=made, policy=policy),
        )
    finally:
        await made.aclose()
