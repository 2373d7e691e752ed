"""Reads a config file, lays it over the packaged one, and checks what single values cannot show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pydantic import SecretStr, ValidationError

from bot.config import policies
from bot.config.checks import check
from bot.config.document import Document, KeyPath, laid_over, read_document
from bot.config.placeholders import UnsetError, filled
from bot.config.problems import about, explain
from bot.config.sections import FileSection, SourceSection
from bot.config.texts import dotted, either
from bot.domain.access import AccessPolicy
from bot.domain.archives import MB
from bot.domain.policy import REDIS_SCHEMES, Catalog, first_match, is_pattern
from bot.domain.salesforce import SalesforcePolicy
from bot.domain.times import Ms
from bot.errors import ConfigError

PACKAGED: Final = Path(__file__).parent.parent / "runbook.yml"
"""The packaged config: the runbook."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A Redis whose queues are watched. `prefix` is BullMQ's; the address may hold a password."""

    url: SecretStr
    prefix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatConfig:
    """An address to call after good ticks, and how often at most, in ms."""

    url: SecretStr
    every: Ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All that a config file says, defaults filled in."""

    sources: Mapping[str, Source]
    channel: str | None
    poll_interval: Ms
    heartbeat: HeartbeatConfig | None
    file: FileSection = field(repr=False)

    def catalog(self, *, default_attempts: int, backoff_delay: Ms) -> Catalog:
        """What the domain needs to know of queues; the two numbers are the environment's."""
        return Catalog(
            default=policies.default_policy(self.file),
            queues=policies.queue_policies(self.file),
            channel=self.channel,
            health=self.file.health.table(),
            discover=self.file.discover,
            default_attempts=default_attempts,
            backoff_delay=backoff_delay,
            prefixes=MappingProxyType({name: s.prefix for name, s in self.sources.items()}),
            poll_interval=self.poll_interval,
            access=self.access(),
            read_only=self.file.access.read_only,
            slow_batch=self.file.operations.slow_batch_ms,
            archive_keep=self.archive_keep,
        )

    def access(self) -> AccessPolicy:
        """Who may do what where a queue does not say."""
        return policies.access_policy(self.file.access)

    def groups(self) -> frozenset[str]:
        """The user groups of all access lists."""
        lists = [self.file.access, *(queue.access for queue in self.file.queues.values())]
        return frozenset[str]().union(*(policies.access_policy(one).groups() for one in lists))

    @property
    def audit_kept(self) -> int:
        """How many entries of the audit log are kept."""
        return self.file.audit.keep

    @property
    def archive_keep(self) -> Ms:
        """How long what was removed can be brought back."""
        return self.file.operations.archive_keep

    @property
    def archive_most(self) -> int:
        """How many bytes all archives together may take."""
        return self.file.operations.archive_most_mb * MB

    def salesforce(self) -> SalesforcePolicy:
        """What the retry through Salesforce reads and writes."""
        return self.file.salesforce.policy()


def load_config(path: Path | None, *, environ: Mapping[str, str]) -> Config:
    """Read the config at `path`, or the packaged one alone.

    A file is laid over the packaged one key by key, unless it says `defaults: false`. `environ`
    fills the `${NAME}` in addresses.

    Raises:
        ConfigError: one line with file, line, path and what would be right.
    """
    document = read_document(PACKAGED if path is None else path)
    if path is not None and not _stands_alone(document):
        document = document.over(read_document(PACKAGED))
    file = _validated(document)
    check(file, document)
    return Config(
        sources=_sources(file, document, environ),
        channel=file.channel,
        poll_interval=file.poll_interval,
        heartbeat=_heartbeat(file, document, environ),
        file=_validated(_with_patterns(document)),
    )


def _stands_alone(document: Document) -> bool:
    return isinstance(document.data, dict) and document.data.get("defaults") is False


def _validated(document: Document) -> FileSection:
    try:
        return FileSection.model_validate(document.data)
    except ValidationError as error:
        problem = explain(error, document)
    # Raised out here, so that pydantic's error, which knows the values, is not in its context.
    raise problem


def _with_patterns(document: Document) -> Document:
    """Each queue with an exact name laid over the first pattern that matches it."""
    queues = document.data.get("queues") or {}
    layered = {
        name: laid_over(queues[pattern], queue) if pattern is not None else queue
        for name, queue in queues.items()
        for pattern in [None if is_pattern(name) else first_match(name, queues)]
    }
    return replace(document, data={**document.data, "queues": layered})


def _sources(
    file: FileSection, document: Document, environ: Mapping[str, str]
) -> Mapping[str, Source]:
    sections = file.sources or {"main": SourceSection()}
    return MappingProxyType(
        {
            name: Source(
                url=_address(
                    section.url, ("sources", name, "url"), REDIS_SCHEMES, document, environ
                ),
                prefix=section.prefix,
            )
            for name, section in sections.items()
        }
    )


def _heartbeat(
    file: FileSection, document: Document, environ: Mapping[str, str]
) -> HeartbeatConfig | None:
    if file.heartbeat is None or file.heartbeat.url is None:
        return None
    path = ("heartbeat", "url")
    url = _address(file.heartbeat.url, path, ("https", "http"), document, environ)
    return HeartbeatConfig(url=url, every=file.heartbeat.every)


def _address(
    url: SecretStr,
    path: KeyPath,
    schemes: tuple[str, ...],
    document: Document,
    environ: Mapping[str, str],
) -> SecretStr:
    """An address with its placeholders filled; no error quotes it."""
    try:
        address = filled(url, environ)
    except UnsetError as error:
        if path not in document.places and path[:-1] not in document.places:
            raise ConfigError(f"{error} Set it to redis://HOST:6379/0.") from None
        raise about(path, f"{dotted(path)}: {error}", document) from None
    scheme, sign, rest = address.get_secret_value().partition("://")
    if not sign or not rest or scheme.lower() not in schemes:
        begins = either([f"{one}://" for one in schemes])
        raise about(path, f"{dotted(path)} should begin with {begins}", document)
    return address
