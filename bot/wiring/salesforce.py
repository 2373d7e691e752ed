"""Puts Salesforce together, where it has credentials.

The adapters are imported here and late: with their libraries they take 28 MB and 0.4 s, which a bot
without Salesforce does not need.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from bot.config import Config
from bot.domain.salesforce_login import LoginKind
from bot.errors import ConfigError
from bot.ports import OrderSystem
from bot.ports.checkup import SalesforceProbe
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.adapters.salesforce_login import Credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesforceSide:
    """Orders, what `bullhorn check` tries, and how to end."""

    orders: OrderSystem
    probe: SalesforceProbe
    aclose: Callable[[], Awaitable[None]]


def build_salesforce(settings: Settings, config: Config) -> SalesforceSide | None:
    """Make the adapters; nothing is connected yet. None without credentials.

    Raises:
        ConfigError: the private key cannot be read.
    """
    if settings.salesforce_login is None:
        return None
    from bot.adapters.salesforce import SalesforceOrders  # noqa: PLC0415
    from bot.adapters.salesforce_probe import SalesforceProbe as Probe  # noqa: PLC0415
    from bot.adapters.salesforce_session import SalesforceSession  # noqa: PLC0415

    policy = config.salesforce()
    session = SalesforceSession(
        credentials=_credentials(settings),
        api_version=policy.api_version,
        timeout=policy.timeout,
        reserve=policy.reserve,
    )
    return SalesforceSide(
        orders=SalesforceOrders(session=session, policy=policy),
        probe=Probe(session=session, policy=policy),
        aclose=session.aclose,
    )


def _credentials(settings: Settings) -> Credentials:
    from bot.adapters.salesforce_login import Credentials  # noqa: PLC0415

    kind = settings.salesforce_login
    if kind is None:
        raise ConfigError("Salesforce has no credentials.")
    return Credentials(
        kind=kind,
        login_url=settings.salesforce_login_url,
        instance_url=settings.salesforce_instance_url,
        username=settings.salesforce_username or "",
        password=_text(settings.salesforce_password),
        security_token=_text(settings.salesforce_security_token),
        consumer_key=_text(settings.salesforce_consumer_key),
        consumer_secret=_text(settings.salesforce_consumer_secret),
        private_key=_key(settings.salesforce_private_key_file) if kind is LoginKind.JWT else "",
    )


def _text(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret is not None else ""


def _key(path: Path | None) -> str:
    """The private key; whether it is one is seen at the start, whether it signs at the login."""
    name = "SALESFORCE_PRIVATE_KEY_FILE"
    if path is None:
        raise ConfigError(f"{name} is not set.")
    try:
        text = path.read_text("ascii")
    except OSError as error:
        raise ConfigError(f"{name} cannot be read: {error.strerror}.") from None
    except ValueError:
        text = ""
    if "-----BEGIN" not in text or "PRIVATE KEY-----" not in text:
        raise ConfigError(f"{name} should name a PEM file with an RSA private key.")
    return text
