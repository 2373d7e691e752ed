"""The three logins: two kinds of OAuth token, and SOAP."""

import base64
import secrets
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

import jwt
from aiohttp import web
from jwt.exceptions import PyJWTError

_SOAP = "{urn:partner.soap.sforce.com}"
_LAST_SOAP = 64.0


@dataclass(kw_only=True)
class Account:
    """The integration user, and the connected app it comes through."""

    username: str = "bullhorn@acme.example"
    password: str = "demo-password"  # noqa: S105 - the demo's, on this machine only
    security_token: str = "demoToken"  # noqa: S105
    consumer_key: str = "3MVG9demoKey"
    consumer_secret: str = "demo-secret"  # noqa: S105
    public_key: str = ""


@dataclass(kw_only=True)
class Logins:
    """Gives access tokens. `base` is this server's address; `given` counts the logins."""

    account: Account
    base: str = ""
    given: int = 0
    valid: set[str] = field(default_factory=set)

    def expire(self) -> None:
        """End every session."""
        self.valid.clear()

    def accepts(self, request: web.Request) -> bool:
        """Whether a request has a session."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        return kind == "Bearer" and token in self.valid

    async def token(self, request: web.Request) -> web.Response:
        """POST /services/oauth2/token."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        grant = form.get("grant_type", "")
        if grant == "client_credentials":
            problem = self._client(request.headers.get("Authorization", ""))
        elif grant == "password":
            problem = self._password(form)
        elif grant == "urn:ietf:params:oauth:grant-type:jwt-bearer":
            problem = self._assertion(form.get("assertion", ""))
        else:
            problem = ("unsupported_grant_type", "grant type not supported")
        if problem is not None:
            body = {"error": problem[0], "error_description": problem[1]}
            return web.json_response(body, status=400)
        return web.json_response({"access_token": self._new(), "instance_url": self.base})

    async def soap(self, request: web.Request) -> web.Response:
        """POST /services/Soap/u/{version}."""
        if float(request.match_info["version"]) > _LAST_SOAP:
            return _fault("UNSUPPORTED_API_VERSION", "login() is not available in this version")
        root = ET.fromstring(await request.text())  # noqa: S314 - from the bot on this machine
        user = root.findtext(f".//{_SOAP}username")
        password = root.findtext(f".//{_SOAP}password")
        account = self.account
        if (user, password) != (account.username, account.password + account.security_token):
            text = "Invalid username, password, security token; or user locked out."
            return _fault("INVALID_LOGIN", f"INVALID_LOGIN: {text}")
        version = request.match_info["version"]
        body = (
            f"<result><serverUrl>{escape(self.base)}/services/Soap/u/{version}/00D</serverUrl>"
            f"<sessionId>{self._new()}</sessionId></result>"
        )
        return web.Response(text=body, content_type="text/xml")

    def _new(self) -> str:
        token = f"00Ddemo!{secrets.token_urlsafe(24)}"
        self.valid.add(token)
        self.given += 1
        return token

    def _client(self, authorization: str) -> tuple[str, str] | None:
        expected = f"{self.account.consumer_key}:{self.account.consumer_secret}"
        encoded = base64.b64encode(expected.encode()).decode()
        if authorization == f"Basic {encoded}":
            return None
        return ("invalid_client", "invalid client credentials")

    def _password(self, form: Mapping[str, str]) -> tuple[str, str] | None:
        account = self.account
        given = tuple(form.get(n) for n in ("client_id", "client_secret", "username", "password"))
        secret = account.password + account.security_token
        right = (account.consumer_key, account.consumer_secret, account.username, secret)
        return None if given == right else ("invalid_grant", "authentication failure")

    def _assertion(self, assertion: str) -> tuple[str, str] | None:
        try:
            claims = jwt.decode(
                assertion,
                self.account.public_key,
                algorithms=["RS256"],
                audience="https://login.salesforce.com",
                issuer=self.account.consumer_key,
            )
        except (PyJWTError, ValueError):
            return ("invalid_grant", "invalid assertion")
        if claims.get("sub") != self.account.username:
            return ("invalid_grant", "user hasn't approved this consumer")
        return None


def _fault(code: str, message: str) -> web.Response:
    text = (
        '<f xmlns:sf="urn:fault.partner.soap.sforce.com">'
        f"<sf:exceptionCode>{code}</sf:exceptionCode>"
        f"<sf:exceptionMessage>{escape(message)}</sf:exceptionMessage></f>"
    )
    return web.Response(status=500, text=text, content_type="text/xml")
