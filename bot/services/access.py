"""Who may do what, asked anew for each command and each press of a button."""

from __future__ import annotations

from bot.domain.access import AccessPolicy, Actor, Role
from bot.errors import AccessDeniedError
from bot.ports import Directory


class Access:
    """The access policy, with user groups looked up."""

    def __init__(self, *, policy: AccessPolicy, directory: Directory) -> None:
        self._policy = policy
        self._directory = directory

    async def role(self, actor: Actor) -> Role:
        """The highest role this person has.

        Raises:
            SlackUnavailableError: a group had to be asked and Slack did not answer.
        """
        role = self._policy.role_of(actor.user, frozenset())
        groups = self._policy.groups()
        if role is Role.ADMIN or not groups:
            return role
        held = await self._directory.memberships(actor.user, groups)
        return self._policy.role_of(actor.user, held)

    async def require(self, actor: Actor, role: Role, *, doing: str) -> None:
        """Let pass who has `role`; `doing` begins the refusal's sentence ("Retrying").

        Raises:
            AccessDeniedError: with who may.
        """
        if await self.role(actor) >= role:
            return
        holders = self._policy.holders(role)
        who = "Ask {people}." if holders else "Nobody has it yet: see `access` in the config."
        raise AccessDeniedError(f"{doing} needs the {role.title} role. {who}", people=holders)
