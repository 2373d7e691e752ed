"""Roles by user id and by user group; groups are asked for only where a name does not tell."""

import pytest

from bot.domain.access import AccessPolicy, Actor, Role
from bot.domain.policy import Catalog, QueuePolicy
from bot.errors import AccessDeniedError, SlackUnavailableError
from bot.services.access import Access
from tests.support.fakes import FakeDirectory

POLICY = AccessPolicy(operators=frozenset({"SONCALL"}), admins=frozenset({"UALICE"}))
ORDERS = AccessPolicy(operators=frozenset({"SORDERS"}), admins=frozenset({"UALICE"}))
CATALOG = Catalog(
    default=QueuePolicy(), queues={"orders": QueuePolicy(access=ORDERS)}, access=POLICY
)


class AskedDirectory(FakeDirectory):
    """Remembers what it was asked."""

    def __init__(self):
        super().__init__({"SONCALL": frozenset({"UBOB"}), "SORDERS": frozenset({"UCARL"})})
        self.asked = []

    async def memberships(self, user, groups):
        self.asked.append(groups)
        return await super().memberships(user, groups)


@pytest.fixture
def directory():
    return AskedDirectory()


@pytest.fixture
def access(directory):
    return Access(directory=directory, catalog=CATALOG)


def actor(user):
    return Actor(user=user, channel="C1")


@pytest.mark.parametrize(
    ("user", "everywhere", "orders"),
    [
        ("UALICE", Role.ADMIN, Role.ADMIN),
        ("UBOB", Role.OPERATOR, Role.VIEWER),
        ("UCARL", Role.VIEWER, Role.OPERATOR),
        ("UVERA", Role.VIEWER, Role.VIEWER),
    ],
)
async def test_the_highest_role_counts_for_each_queue(access, user, everywhere, orders):
    assert await access.role(actor(user)) is everywhere
    assert await access.role(actor(user), "orders") is orders


async def test_the_groups_of_all_lists_are_asked_for_at_once(access, directory):
    await access.role(actor("UBOB"), "orders")
    assert directory.asked == [frozenset({"SONCALL", "SORDERS"})]


async def test_who_is_an_admin_by_name_everywhere_needs_no_group(access, directory):
    directory.down = True
    await access.require(actor("UALICE"), Role.ADMIN, doing="Draining", queue="orders")
    assert directory.asked == []


async def test_a_refusal_names_the_role_and_who_has_it(access):
    with pytest.raises(AccessDeniedError, match="Retrying needs the operator role") as caught:
        await access.require(actor("UVERA"), Role.OPERATOR, doing="Retrying")
    assert caught.value.people == ("SONCALL", "UALICE")
    with pytest.raises(AccessDeniedError) as caught:
        await access.require(actor("UBOB"), Role.OPERATOR, doing="Retrying", queue="orders")
    assert caught.value.people == ("SORDERS", "UALICE")


async def test_by_default_nobody_may_change_anything_and_everyone_may_read():
    access = Access(directory=FakeDirectory(), catalog=Catalog(default=QueuePolicy()))
    assert await access.role(actor("UANY")) is Role.VIEWER


async def test_while_slack_is_away_everyone_may_still_read(access, directory):
    directory.down = True
    await access.require(actor("UBOB"), Role.VIEWER, doing="This")
    with pytest.raises(SlackUnavailableError):
        await access.require(actor("UBOB"), Role.OPERATOR, doing="Retrying")


async def test_a_forged_user_id_of_a_group_is_nobody(access):
    assert await access.role(actor("SONCALL")) is Role.VIEWER
