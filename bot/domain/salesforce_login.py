"""Which login to Salesforce the set variables choose, and what an incomplete one lacks."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import Final

from bot.errors import ConfigError

PREFIX: Final = "SALESFORCE_"
_URLS: Final = frozenset({"INSTANCE_URL", "LOGIN_URL"})
_PERSON: Final = frozenset({"USERNAME", "PASSWORD", "SECURITY_TOKEN"})


class LoginKind(StrEnum):
    """The three ways in."""

    JWT = "JWT bearer"
    CLIENT_CREDENTIALS = "client credentials"
    PASSWORD = "user, password and token"  # noqa: S105 - a name, not a password


def choose_login(given: AbstractSet[str]) -> LoginKind | None:
    """The login that the variables choose (by their names after `SALESFORCE_`); None without any.

    A private key file chooses JWT bearer; else a user or password chooses user, password and token;
    else consumer key and secret are client credentials.

    Raises:
        ConfigError: one line that names the variable that is missing.
    """
    if not given:
        return None
    if "PRIVATE_KEY_FILE" in given:
        _need(given, LoginKind.JWT, "CONSUMER_KEY", "USERNAME")
        return LoginKind.JWT
    if _PERSON & given:
        return _with_password(given)
    if not given - _URLS:
        raise ConfigError(
            f"{PREFIX}CONSUMER_KEY is not set. An address alone is no login: "
            "see docs/howto/connect-salesforce.md."
        )
    _need(given, LoginKind.CLIENT_CREDENTIALS, "CONSUMER_KEY", "CONSUMER_SECRET")
    if not given & _URLS:
        raise ConfigError(
            f"{PREFIX}INSTANCE_URL is not set. The login by client credentials needs the "
            "organisation's own address, as https://ACME.my.salesforce.com."
        )
    return LoginKind.CLIENT_CREDENTIALS


def _with_password(given: AbstractSet[str]) -> LoginKind:
    if "PASSWORD" not in given and "SECURITY_TOKEN" not in given:
        raise ConfigError(
            f"{PREFIX}PASSWORD is not set. {PREFIX}USERNAME needs it, or {PREFIX}PRIVATE_KEY_FILE; "
            "a login by client credentials has no user name."
        )
    _need(given, LoginKind.PASSWORD, "USERNAME", "PASSWORD", "SECURITY_TOKEN")
    return LoginKind.PASSWORD


def _need(given: AbstractSet[str], kind: LoginKind, *names: str) -> None:
    for name in names:
        if name not in given:
            raise ConfigError(f"{PREFIX}{name} is not set. The login by {kind} needs it.")
