"""Roles by user id and by user group; a refusal names who may."""

import pytest

from bot.domain.access import AccessPolicy, Actor, Role
from bot.errors import AccessDeniedError
from bot.services.access import Access
from tests.support.fakes import FakeDirectory

GROUPS = FakeDirectory({"SONCALL": frozenset({"UBOB"})})
POLICY = AccessPolicy(operators=frozenset({"SONCALL"}), admins=frozenset({"UALICE"}))


def actor(user):
    return Actor(user=user, channel="C1")


@pytest.mark.parametrize(
    ("user", "role"), [("UALICE", Role.ADMIN), ("UBOB", Role.OPERATOR), ("UVERA", Role.VIEWER)]
)
async def test_the_highest_role_counts(user, role):
    assert await Access(policy=POLICY, directory=GROUPS).role(actor(user)) is role


async def test_a_refusal_names_the_role_and_who_has_it():
    access = Access(policy=POLICY, directory=GROUPS)
    with pytest.raises(AccessDeniedError, match="Retrying needs the operator role") as caught:
        await access.require(actor("UVERA"), Role.OPERATOR, doing="Retrying")
    assert caught.value.people == ("SONCALL", "UALICE")


async def test_by_default_nobody_may_change_anything_and_everyone_may_read():
    access = Access(policy=AccessPolicy(), directory=FakeDirectory())
    assert await access.role(actor("UANY")) is Role.VIEWER


async def test_listed_viewers_shut_others_out():
    policy = AccessPolicy(viewers=frozenset({"UVERA"}))
    access = Access(policy=policy, directory=FakeDirectory())
    assert await access.role(actor("UEVE")) is Role.NOBODY
