"""What one person may do now, by queue and from where they ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from bot.domain.access import AccessPolicy, Actor, Membership, Role
from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.errors import AccessDeniedError, HiddenQueueError, SlackUnavailableError

Place = QueueId | str | None
"""A queue, a queue's address as people say it, or None: all queues together."""

READ_ONLY: Final = "Bullhorn is read-only: `access.read_only` is true in its config."


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A person, their user groups as far as Slack tells, and the config they are held against."""

    actor: Actor
    catalog: Catalog
    membership: Membership = field(default_factory=Membership)

    def holds(self, queue: Place = None) -> Role:
        """The highest role that they have there, wherever they ask from."""
        policy = self.catalog.access_to(queue)
        return policy.role_of(self.actor.user, self.membership.groups)

    @property
    def reach(self) -> Role:
        """The highest role that they have for any queue."""
        user, groups = self.actor.user, self.membership.groups
        return max(policy.role_of(user, groups) for policy in self.catalog.accesses())

    def role(self, queue: Place = None) -> Role:
        """The role they may use there now: a viewer's at most where nothing may be changed."""
        changes = not self.catalog.read_only
        if changes and self.catalog.access_to(queue).acts_in(self.actor.channel):
            return self.holds(queue)
        return min(self.holds(queue), Role.VIEWER)

    def sees(self, queue: Place) -> bool:
        """Whether they may know of it."""
        return self.holds(queue) >= Role.VIEWER

    def sight(self) -> Callable[[Place], bool]:
        """`sees` for many queues: each is looked up only where not all may be seen.

        To hold a thousand queues' names against the config's patterns takes some milliseconds.
        """
        user, groups = self.actor.user, self.membership.groups
        policies = self.catalog.accesses()
        if all(policy.role_of(user, groups) >= Role.VIEWER for policy in policies):
            return lambda _: True
        return self.sees

    def may(self, role: Role, queue: Place = None) -> bool:
        """Whether `require` would let them pass: what decides if a button is drawn."""
        return self.role(queue) >= role

    def admit(self, role: Role, *, doing: str, queue: Place = None) -> None:
        """Let pass who has `role` for any queue; which one they may is checked when it is known.

        Raises:
            as `require`: about `queue`, where it is known already.
        """
        if role > Role.VIEWER and self.catalog.read_only:
            raise AccessDeniedError(f"{doing} is off. {READ_ONLY}")
        if self.reach < role:
            self.require(role, doing=doing, queue=queue)

    def require(self, role: Role, *, doing: str, queue: Place = None) -> None:
        """Let pass who may use `role` there; `doing` begins the refusal's sentence ("Retrying").

        Raises:
            HiddenQueueError: they may not know of the queue.
            AccessDeniedError: with who may, or where, or the config's key that forbids it.
            SlackUnavailableError: it depends on a user group, and Slack cannot tell now.
        """
        policy, held = self.catalog.access_to(queue), self.holds(queue)
        if held < role and self.membership.away & _named(policy, role):
            raise SlackUnavailableError("Slack cannot tell now who is in which group.")
        if queue is not None and held < Role.VIEWER:
            if self.reach >= Role.VIEWER:
                raise HiddenQueueError("There is no such queue.")
            policy = self.catalog.access  # whoever may see nothing learns nothing of the queue
        changes = role > Role.VIEWER
        if changes and self.catalog.read_only:
            raise AccessDeniedError(f"{doing} is off. {READ_ONLY}")
        if held < role:
            raise self._lacks(role, policy, doing)
        if changes and not policy.acts_in(self.actor.channel):
            raise _elsewhere(policy, doing)

    def _lacks(self, role: Role, policy: AccessPolicy, doing: str) -> AccessDeniedError:
        """Who has the role; where that may be them, why it cannot be told."""
        needs = f"{doing} needs the {role.title} role"
        holders = policy.holders(role)
        why = self.why_unread(_named(policy, role))
        if not why:
            who = "Ask {people}." if holders else "Nobody has it yet: see `access` in the config."
            return AccessDeniedError(f"{needs}. {who}", people=holders)
        people = tuple(one for one in holders if not one.startswith("S"))
        ask = "Ask {people}, or name" if people else "Name"
        return AccessDeniedError(
            f"{needs}, and the user groups that have it cannot be read: {why}. "
            f"{ask} people by user id under `access` in the config.",
            people=people,
        )

    def why_unread(self, groups: Iterable[str]) -> str:
        """Why those of the groups that Slack refuses to tell about cannot be read, "" for none."""
        unread = self.membership.unread
        return "; ".join(dict.fromkeys(unread[one] for one in sorted(groups) if one in unread))


def _named(policy: AccessPolicy, role: Role) -> frozenset[str]:
    """The groups that give the role."""
    return frozenset(one for one in policy.holders(role) if one.startswith("S"))


def _elsewhere(policy: AccessPolicy, doing: str) -> AccessDeniedError:
    """Where it may be done."""
    channels = tuple(sorted(policy.channels or ()))
    if not channels:
        return AccessDeniedError(f"{doing} is off: `access.channels` in the config names none.")
    return AccessDeniedError(
        f"{doing} is not allowed here, only in {{people}}: see `access.channels` in the config.",
        people=channels,
    )
