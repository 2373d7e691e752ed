"""The environment: what the process is told from outside, secrets above all.

Nothing is read at import, and nothing but the mapping handed to `load_settings` counts. Whatever is
wrong is one line that names the variable and says what is right; it never quotes a value, because
the wrong value may be a secret in the wrong place.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from rapidfuzz import fuzz, process
from rapidfuzz.distance import DamerauLevenshtein

from bot.domain.policy import REDIS_SCHEMES
from bot.domain.salesforce_login import PREFIX, LoginKind, choose_login
from bot.errors import ConfigError

_REDIS_EXAMPLE: Final = "redis://HOST:6379/0"
_NEAR: Final = 80
"""How alike (of 100) a variable must be to be taken for a required one that is missing."""
_TYPO: Final = 2
"""How many letters off a variable may be to be taken for an optional one that is not set."""
LOCAL_HOSTS: Final = ("127.0.0.1", "localhost")
"""Where a Salesforce for tests and the demo may be, without TLS."""
_OURS: Final = ("BULLHORN_", "FREEBIT_", "LOKI_", "QUEUE_", "SALESFORCE_", "SLACK_", "WHMCS_")
"""Where an optional name that is nearly right must be a slip; `PORTS` may be anyone's."""


def _redis_url(value: SecretStr) -> SecretStr:
    url = value.get_secret_value()
    if url.partition("://")[0].lower() not in REDIS_SCHEMES or "://" not in url:
        first, last = ", ".join(f"{s}://" for s in REDIS_SCHEMES[:-1]), f"{REDIS_SCHEMES[-1]}://"
        raise PydanticCustomError("redis_url", "should begin with {0}", {"0": f"{first} or {last}"})
    if url.lower().startswith(("redis://", "rediss://")) and not _has_good_port(url):
        raise PydanticCustomError(
            "redis_url",
            "should be like {0}; in a password, other than letters and digits must be %-encoded",
            {"0": _REDIS_EXAMPLE},
        )
    return value


def _has_good_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _web_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise PydanticCustomError("web_url", "should be an address that begins with https://")
    return value


def _salesforce_url(value: str) -> str:
    """Only Salesforce's own hosts, or one on this machine: the password is sent there."""
    parts = urlsplit(value)
    host = parts.hostname or ""
    if host not in LOCAL_HOSTS and not (
        parts.scheme == "https" and host.endswith(".salesforce.com") and parts.port in (None, 443)
    ):
        raise PydanticCustomError("salesforce_url", "should be like https://ACME.my.salesforce.com")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _with_slash(value: str) -> str:
    return value if value.endswith("/") else f"{value}/"


def _begins(prefix: str) -> AfterValidator:
    def check(value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(prefix):
            raise PydanticCustomError("token", "should begin with {0}", {"0": prefix})
        return value

    return AfterValidator(check)


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


_WebUrl = Annotated[str, AfterValidator(_web_url)]
_SalesforceUrl = Annotated[_WebUrl, AfterValidator(_salesforce_url)]


class Settings(BaseSettings):
    """The contract's variables, in the order of its table; the field names in capitals.

    `queue_backoff_delay` is in ms. `slack_api_url` ends with a slash. The optional systems are
    None where they are not set.
    """

    model_config = SettingsConfigDict(
        extra="ignore", frozen=True, hide_input_in_errors=True, case_sensitive=False
    )

    redis_url: Annotated[SecretStr, AfterValidator(_redis_url)]
    queue_default_attempts: int = Field(default=3, ge=1)
    queue_backoff_delay: int = Field(default=5000, ge=0)
    slack_bot_token: Annotated[SecretStr, _begins("xoxb-")]
    slack_app_token: Annotated[SecretStr, _begins("xapp-")] | None = None
    slack_signing_secret: SecretStr | None = None
    slack_api_url: Annotated[_WebUrl, AfterValidator(_with_slash)] = "https://slack.com/api/"
    bullhorn_config: Path | None = None
    port: int = Field(default=3000, ge=1, le=65535)
    log_level: Annotated[
        Literal["debug", "info", "warning", "error", "critical"], BeforeValidator(_lower)
    ] = "info"
    log_format: Annotated[Literal["json", "console"], BeforeValidator(_lower)] = "json"
    salesforce_instance_url: _SalesforceUrl | None = None
    salesforce_login_url: _SalesforceUrl | None = None
    salesforce_username: str | None = None
    salesforce_password: SecretStr | None = None
    salesforce_security_token: SecretStr | None = None
    salesforce_consumer_key: SecretStr | None = None
    salesforce_consumer_secret: SecretStr | None = None
    salesforce_private_key_file: Path | None = None
    whmcs_api_url: _WebUrl | None = None
    whmcs_api_identifier: SecretStr | None = None
    whmcs_api_secret: SecretStr | None = None
    freebit_base_url: _WebUrl | None = None
    freebit_oem_id: str | None = None
    freebit_oem_key: SecretStr | None = None
    loki_url: _WebUrl | None = None
    loki_username: str | None = None
    loki_password: SecretStr | None = None

    @property
    def socket_mode(self) -> bool:
        """Whether Slack is spoken to over Socket Mode; else over HTTP."""
        return self.slack_app_token is not None

    @property
    def salesforce_login(self) -> LoginKind | None:
        """The login that the set variables choose, None without any."""
        start = PREFIX.lower()
        names = {n for n, value in dict(self).items() if n.startswith(start) and value is not None}
        return choose_login({name.removeprefix(start).upper() for name in names})

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the names are pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load_settings` hands in: one environment, the one that was asked for."""
        return (init_settings,)


_MISSING: Final = {
    "redis_url": f"Set it to {_REDIS_EXAMPLE}.",
    "slack_bot_token": "Set it to the bot token (xoxb-...) of the Slack app.",
    "slack_signing_secret": (
        "Set it to the signing secret of the Slack app, or set SLACK_APP_TOKEN for Socket Mode."
    ),
}
"""What to do about each variable that may be required."""

_RIGHT: Final = {
    "queue_default_attempts": "should be a whole number, 1 or more",
    "queue_backoff_delay": "should be a whole number of milliseconds, 0 or more",
    "port": "should be a number from 1 to 65535",
    "log_level": "should be debug, info, warning, error or critical",
    "log_format": "should be json or console",
}
"""What is right where pydantic's own words would not do."""


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings; names count in any case, a variable set to nothing is not set.

    Raises:
        ConfigError: one line about the first variable, in the table's order, that is not right.
    """
    values = _known(environ)
    wrong: dict[str, str] = {}
    settings: Settings | None = None
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        for detail in error.errors(include_input=False, include_url=False, include_context=False):
            if detail["type"] != "missing":
                name = str(detail["loc"][0])
                wrong[name] = _RIGHT.get(name) or detail["msg"]
    # Raised out here, so that pydantic's error, which knows the values, is not in its context.
    if line := _first_problem(values, wrong, environ):
        raise ConfigError(line)
    if settings is None:
        raise ConfigError("The environment cannot be read.")
    _ = settings.salesforce_login  # an incomplete one is told now
    return settings


def _known(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that are ours and not empty, by field; the exact name before other cases."""
    values: dict[str, str] = {}
    for name in sorted(environ, reverse=True):
        field, value = name.lower(), environ[name].strip()
        if field in Settings.model_fields and value:
            values[field] = value
    return values


def _first_problem(
    values: Mapping[str, str], wrong: Mapping[str, str], environ: Mapping[str, str]
) -> str | None:
    required = {"redis_url", "slack_bot_token"}
    if "slack_app_token" not in values:
        required.add("slack_signing_secret")
    strangers = [name for name in environ if name.lower() not in Settings.model_fields]
    for field in Settings.model_fields:
        name = field.upper()
        if field in wrong:
            return f"{name} {wrong[field]}"
        if field in values:
            continue
        if field in required and (slip := _near(name, strangers)):
            return f"{name} is not set (did you mean it by {slip}?)"
        if field in required:
            return f"{name} is not set. {_MISSING[field]}"
        if slip := _typo(name, strangers):
            return f"{name} is not set (did you mean it by {slip}?)"
    return None


def _near(name: str, strangers: list[str]) -> str | None:
    """The variable that was probably meant for the required `name`."""
    found = process.extractOne(
        name, strangers, scorer=fuzz.ratio, processor=str.upper, score_cutoff=_NEAR
    )
    return found[0] if found else None


def _typo(name: str, strangers: list[str]) -> str | None:
    """The variable that is `name` but for a slip; an unset optional one would go unnoticed."""
    if not name.startswith(_OURS):
        return None
    for stranger in strangers:
        distance = DamerauLevenshtein.distance(name, stranger.upper(), score_cutoff=_TYPO)
        if distance <= _TYPO:
            return stranger
    return None
