"""Who may do what: roles, and the people and groups that hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType


class Role(IntEnum):
    """Each role may do all that the ones below it may."""

    NOBODY = 0
    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def title(self) -> str:
        """As it is said to people."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPolicy:
    """Ids of users (`U...`, `W...`) and user groups (`S...`) by role; viewers None is everyone.

    `channels` are the ids of those where changes may be made, None is everywhere.
    """

    viewers: frozenset[str] | None = None
    operators: frozenset[str] = frozenset()
    admins: frozenset[str] = frozenset()
    channels: frozenset[str] | None = None

    def groups(self) -> frozenset[str]:
        """All user-group ids that are named."""
        named = (self.viewers or frozenset()) | self.operators | self.admins
        return frozenset(entry for entry in named if entry.startswith("S"))

    def role_of(self, user: str, memberships: frozenset[str]) -> Role:
        """The highest role of a user who is in these groups."""
        # A user's id is never a group's: a payload that says so is forged.
        held = memberships | ({user} if user[:1] in ("U", "W") else set())
        if held & self.admins:
            return Role.ADMIN
        if held & self.operators:
            return Role.OPERATOR
        if self.viewers is None or held & self.viewers:
            return Role.VIEWER
        return Role.NOBODY

    def acts_in(self, channel: str) -> bool:
        """Whether changes may be made in the channel of this id; "" is none that is known."""
        return self.channels is None or channel in self.channels

    def holders(self, role: Role) -> tuple[str, ...]:
        """Ids of who has at least this role, for "ask @alice or anyone in @ops"; sorted."""
        ids: frozenset[str] = self.admins
        if role <= Role.OPERATOR:
            ids |= self.operators
        if role <= Role.VIEWER:
            ids |= self.viewers or frozenset()
        return tuple(sorted(ids))


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts, and where from. `user` and `channel` are Slack ids."""

    user: str
    channel: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """Which of the asked groups a user is in, as far as Slack tells.

    `unread` says of the groups that Slack refuses to tell about why, as the end of a sentence;
    `away` are those that it could not tell about just now.
    """

    groups: frozenset[str] = frozenset()
    unread: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    away: frozenset[str] = frozenset()
