"""Who may do what, asked anew for each command, each press of a button, each submitted modal."""

from __future__ import annotations

from bot.domain.access import Actor, Role
from bot.domain.policy import Catalog
from bot.domain.standing import Place, Standing
from bot.ports import Directory


class Access:
    """The config's access lists, with user groups looked up."""

    def __init__(self, *, directory: Directory, catalog: Catalog) -> None:
        self._directory = directory
        self._catalog = catalog

    async def standing(self, actor: Actor) -> Standing:
        """What a person may do now; groups are only asked for where their name does not tell.

        Slack being away or unwilling is no error here: who is named by user id is let in.
        """
        groups: frozenset[str] = frozenset()
        for policy in self._catalog.accesses():
            if policy.role_of(actor.user, frozenset()) < Role.ADMIN:
                groups |= policy.groups()
        if not groups:
            return Standing(actor=actor, catalog=self._catalog)
        membership = await self._directory.memberships(actor.user, groups)
        return Standing(actor=actor, catalog=self._catalog, membership=membership)

    async def role(self, actor: Actor, queue: Place = None) -> Role:
        """The role they may use for a queue (None: for all together) from where they ask."""
        return (await self.standing(actor)).role(queue)

    async def require(self, actor: Actor, role: Role, *, doing: str, queue: Place = None) -> None:
        """Let pass who may use `role` for the queue; `doing` begins the refusal ("Retrying").

        Raises:
            HiddenQueueError: they may not know of the queue.
            AccessDeniedError: with who may, or where, or the config's key that forbids it.
            SlackUnavailableError: it depends on a user group, and Slack cannot tell now.
        """
        (await self.standing(actor)).require(role, doing=doing, queue=queue)
