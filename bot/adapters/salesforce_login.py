"""The three logins to Salesforce, through simple-salesforce, and the HTTP session they share."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final
from urllib.parse import urlsplit
from xml.parsers.expat import ExpatError

import requests
from jwt.exceptions import PyJWTError
from requests.adapters import HTTPAdapter
from simple_salesforce.exceptions import SalesforceAuthenticationFailed
from simple_salesforce.login import SalesforceLogin

from bot.adapters.salesforce_errors import AWAY, NOT_UNDERSTOOD
from bot.domain.salesforce_login import LoginKind
from bot.errors import SalesforceRefusedError, SalesforceUnavailableError

DEFAULT_LOGIN: Final = "https://login.salesforce.com"
_DOMAIN: Final = ".salesforce.com"
_LAST_SOAP: Final = "64.0"
"""SOAP's login() is gone from later versions of the API."""
_CONNECT: Final = 5.0
_SERVER_ERROR: Final = 500
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,60}")
_LONGEST: Final = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A complete login, of one kind; the secrets are not in its repr.

    `private_key` is the key itself, as PEM. With consumer key and secret, a password is sent the
    OAuth way, else by SOAP.
    """

    kind: LoginKind
    login_url: str | None = None
    instance_url: str | None = None
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    security_token: str = field(default="", repr=False)
    consumer_key: str = field(default="", repr=False)
    consumer_secret: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)

    @property
    def local(self) -> str | None:
        """The address of a Salesforce on this machine, without TLS: the demo's and the tests'."""
        urls = (self.instance_url, self.login_url)
        return next((url for url in urls if url and url.startswith("http://")), None)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must be in no text."""
        return (self.password, self.security_token, self.consumer_key, self.consumer_secret)


class Timed(requests.Session):
    """A session whose every request has a time limit, in seconds, and follows no redirect.

    Proxies and authorities come from the environment as usual, logins from `.netrc` do not: they
    would replace the token. To a Salesforce on this machine no proxy leads.
    """

    def __init__(self, *, seconds: float, local: str | None, most: int) -> None:
        super().__init__()
        self._limit = (min(seconds, _CONNECT), seconds)
        self.auth = _as_it_is
        self.trust_env = local is None
        self.mount("https://", _Here(local) if local else HTTPAdapter(pool_maxsize=most))

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """As its base, within the limit."""
        kwargs.setdefault("timeout", self._limit)
        kwargs.setdefault("allow_redirects", False)
        return super().request(*args, **kwargs)


class _Here(HTTPAdapter):
    """Leads each https:// address to the one on this machine; the library knows no other scheme."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        """Send it there instead."""
        request.url = self._url + request.path_url
        return super().send(request, *args, **kwargs)


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def log_in(credentials: Credentials, session: requests.Session, version: str) -> tuple[str, str]:
    """A new access token, and the address of the instance it is for.

    Raises:
        SalesforceRefusedError: the login is not accepted.
        SalesforceUnavailableError: Salesforce does not answer, or not as it should.
    """
    trouble: SalesforceRefusedError | SalesforceUnavailableError
    try:
        with warnings.catch_warnings():
            # One of the library's warnings quotes the consumer key.
            warnings.simplefilter("ignore")
            token, instance = SalesforceLogin(
                session=session, client_id="bullhorn", **_arguments(credentials, version)
            )
        if token and instance:
            return token, credentials.instance_url or f"https://{instance}"
        trouble = SalesforceUnavailableError(NOT_UNDERSTOOD)
    except SalesforceAuthenticationFailed as error:
        trouble = _refusal(error, credentials)
    except (PyJWTError, ValueError) as error:
        # A key that cannot sign is a ValueError too; so is an answer that is not JSON.
        trouble = (
            SalesforceUnavailableError(NOT_UNDERSTOOD)
            if isinstance(error, requests.RequestException)
            else _bad_key(credentials)
        )
    except requests.RequestException:
        trouble = SalesforceUnavailableError(AWAY)
    except (AttributeError, TypeError, LookupError, ExpatError):
        trouble = SalesforceUnavailableError(NOT_UNDERSTOOD)
    # Raised out here, so that the library's error, which may know more, is not in its context.
    raise trouble


def _arguments(credentials: Credentials, version: str) -> dict[str, Any]:
    """What the library's login takes for this kind."""
    url = credentials.login_url or (
        credentials.instance_url if credentials.kind is LoginKind.CLIENT_CREDENTIALS else None
    )
    # For one on this machine any name will do: the session leads there.
    host = urlsplit(url or DEFAULT_LOGIN).hostname or ""
    local = not host.endswith(_DOMAIN)
    found: dict[str, Any] = {"domain": "local.my" if local else host.removesuffix(_DOMAIN)}
    key, secret = credentials.consumer_key, credentials.consumer_secret
    match credentials.kind:
        case LoginKind.JWT:
            if local:
                found["domain"] = "login"  # it is the audience too
            more = {
                "username": credentials.username,
                "consumer_key": key,
                "privatekey": credentials.private_key,
            }
        case LoginKind.CLIENT_CREDENTIALS:
            more = {"consumer_key": key, "consumer_secret": secret}
        case LoginKind.PASSWORD if key and secret:
            password = credentials.password + credentials.security_token
            more = {
                "username": credentials.username,
                "password": password,
                "consumer_key": key,
                "consumer_secret": secret,
            }
        case LoginKind.PASSWORD:
            more = {
                "username": credentials.username,
                "password": credentials.password,
                "security_token": escape(credentials.security_token),
                "sf_version": min(version, _LAST_SOAP, key=float),
            }
    return {**found, **more}


def _refusal(
    error: SalesforceAuthenticationFailed, credentials: Credentials
) -> SalesforceRefusedError | SalesforceUnavailableError:
    if isinstance(error.code, int):  # HTTP's: the answer was not in the form of a login's
        away = error.code >= _SERVER_ERROR
        return SalesforceUnavailableError(AWAY if away else NOT_UNDERSTOOD)
    found = _CODE.search(str(error.code).rpartition(":")[2]) if error.code else None
    code = found.group() if found else "no reason given"
    said = " ".join(error.auth_message.split())
    told = said and len(said) <= _LONGEST and not said.startswith(("<", "{"))
    for secret in credentials.secrets:
        told = told and (not secret or secret not in said)
    because = f"{code}: {said.removeprefix(f'{code}: ').rstrip('.')}" if told else code
    return SalesforceRefusedError(
        f"Salesforce refuses the login by {credentials.kind} ({because}). "
        "Check the SALESFORCE_ variables; docs/howto/connect-salesforce.md says what it needs.",
        code=code,
    )


def _bad_key(credentials: Credentials) -> SalesforceRefusedError | SalesforceUnavailableError:
    if credentials.kind is not LoginKind.JWT:
        return SalesforceUnavailableError(NOT_UNDERSTOOD)
    return SalesforceRefusedError(
        "SALESFORCE_PRIVATE_KEY_FILE should be a PEM file with an RSA key and without password."
    )
