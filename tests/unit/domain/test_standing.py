"""What one person may do: by queue, by channel, and in a bot that is read-only."""

import pytest

from bot.domain.access import AccessPolicy, Actor, Membership, Role
from bot.domain.policy import Catalog, QueuePolicy
from bot.domain.queues import QueueId
from bot.domain.standing import Standing
from bot.errors import AccessDeniedError, HiddenQueueError, SlackUnavailableError

EVERYWHERE = AccessPolicy(
    viewers=frozenset({"UVERA"}), operators=frozenset({"UBOB"}), admins=frozenset({"UALICE"})
)
ORDERS = AccessPolicy(
    viewers=EVERYWHERE.viewers, operators=frozenset({"UCARL"}), admins=EVERYWHERE.admins,
    channels=frozenset({"CORDERS"}),
)  # fmt: skip
PAYROLL = AccessPolicy(viewers=frozenset({"UPAM"}))
CATALOG = Catalog(
    default=QueuePolicy(),
    queues={
        "orders": QueuePolicy(access=ORDERS),
        "payroll-*": QueuePolicy(access=PAYROLL),
        "mail": QueuePolicy(),
    },
    access=EVERYWHERE,
)
SALARIES = QueueId("main", "bull", "payroll-salaries")


def standing(user, channel="CORDERS", catalog=CATALOG, **membership):
    return Standing(
        actor=Actor(user=user, channel=channel),
        catalog=catalog,
        membership=Membership(**membership),
    )


@pytest.mark.parametrize(
    ("user", "orders", "mail", "salaries", "reach"),
    [
        ("UALICE", Role.ADMIN, Role.ADMIN, Role.NOBODY, Role.ADMIN),
        ("UBOB", Role.NOBODY, Role.OPERATOR, Role.NOBODY, Role.OPERATOR),
        ("UCARL", Role.OPERATOR, Role.NOBODY, Role.NOBODY, Role.OPERATOR),
        ("UVERA", Role.VIEWER, Role.VIEWER, Role.NOBODY, Role.VIEWER),
        ("UPAM", Role.NOBODY, Role.NOBODY, Role.VIEWER, Role.VIEWER),
        ("UEVE", Role.NOBODY, Role.NOBODY, Role.NOBODY, Role.NOBODY),
    ],
)
def test_a_role_is_that_of_the_queue(user, orders, mail, salaries, reach):
    one = standing(user)
    assert [one.role("orders"), one.role("mail"), one.role(SALARIES)] == [orders, mail, salaries]
    assert one.reach is reach
    assert one.sees(SALARIES) is (salaries >= Role.VIEWER)


def test_what_no_list_names_is_as_everywhere():
    assert standing("UBOB").role("never-heard-of") is Role.OPERATOR
    assert standing("UBOB").role() is Role.OPERATOR


def test_with_several_sources_a_queue_is_known_by_its_address_too():
    catalog = Catalog(
        default=QueuePolicy(), queues=CATALOG.queues, access=EVERYWHERE,
        prefixes={"main": "bull", "europe": "bull"},
    )  # fmt: skip
    one = standing("UVERA", catalog=catalog)
    assert not one.sees("europe/payroll-salaries")
    assert not one.sees(QueueId("europe", "bull", "payroll-salaries"))
    assert one.sees("europe/mail")


def test_a_hidden_queue_is_not_there():
    for role in (Role.VIEWER, Role.OPERATOR):
        with pytest.raises(HiddenQueueError) as no:
            standing("UALICE").require(role, doing="Retrying", queue=SALARIES)
        assert "payroll" not in str(no.value)


def test_who_may_see_nothing_is_told_about_roles_and_not_about_the_queue():
    with pytest.raises(AccessDeniedError, match="needs the operator role") as no:
        standing("UEVE").require(Role.OPERATOR, doing="Retrying", queue=SALARIES)
    assert no.value.people == ("UALICE", "UBOB"), "those of all queues"


def test_a_refusal_names_those_who_may_do_it_to_that_queue():
    with pytest.raises(AccessDeniedError, match=r"Retrying needs the operator role\. Ask ") as no:
        standing("UVERA").require(Role.OPERATOR, doing="Retrying", queue="orders")
    assert no.value.people == ("UALICE", "UCARL")


def test_changes_are_made_in_the_channels_that_are_named_by_admins_too():
    elsewhere = standing("UALICE", channel="CRANDOM")
    assert elsewhere.role("orders") is Role.VIEWER, "no button is drawn"
    assert elsewhere.sees("orders")
    elsewhere.require(Role.VIEWER, doing="This", queue="orders")
    with pytest.raises(
        AccessDeniedError, match=r"not allowed here, only in .*`access.channels`"
    ) as no:
        elsewhere.require(Role.OPERATOR, doing="Retrying", queue="orders")
    assert no.value.people == ("CORDERS",)
    elsewhere.require(Role.OPERATOR, doing="Retrying", queue="mail")
    standing("UALICE").require(Role.OPERATOR, doing="Retrying", queue="orders")


def test_from_no_known_channel_nothing_is_changed_where_channels_are_named():
    with pytest.raises(AccessDeniedError, match="only in"):
        standing("UALICE", channel="").require(Role.OPERATOR, doing="Retrying", queue="orders")


def test_who_lacks_the_role_is_told_that_first():
    with pytest.raises(AccessDeniedError, match="needs the operator role"):
        standing("UVERA", channel="C").require(Role.OPERATOR, doing="Retrying", queue="orders")


@pytest.mark.parametrize("user", ["UALICE", "UVERA"])
def test_a_read_only_bot_refuses_every_change_and_names_the_key(user):
    catalog = Catalog(default=QueuePolicy(), access=EVERYWHERE, read_only=True)
    one = standing(user, catalog=catalog)
    assert one.role("mail") is Role.VIEWER
    for check in (one.require, one.admit):
        with pytest.raises(AccessDeniedError) as no:
            check(Role.OPERATOR, doing="Retrying")
        assert str(no.value) == (
            "Retrying is off. Bullhorn is read-only: `access.read_only` is true in its config."
        )
    one.require(Role.VIEWER, doing="This", queue="mail")


def test_admit_lets_in_who_may_somewhere_and_require_decides_where():
    carl = standing("UCARL")
    carl.admit(Role.OPERATOR, doing="Retrying")
    with pytest.raises(HiddenQueueError):
        carl.require(Role.OPERATOR, doing="Retrying", queue="mail")
    with pytest.raises(AccessDeniedError, match="needs the admin role"):
        carl.admit(Role.ADMIN, doing="Draining")


GROUPED = Catalog(
    default=QueuePolicy(),
    access=AccessPolicy(operators=frozenset({"SOPS", "UBOB"}), admins=frozenset({"SADMIN"})),
)
NO_PLAN = "this workspace's Slack plan has no user groups"


def test_who_is_named_gets_in_while_groups_cannot_be_read():
    bob = standing("UBOB", catalog=GROUPED, unread={"SOPS": NO_PLAN, "SADMIN": NO_PLAN})
    bob.require(Role.OPERATOR, doing="Retrying", queue="mail")


def test_others_are_told_that_groups_cannot_be_read_and_why():
    eve = standing("UEVE", catalog=GROUPED, unread={"SOPS": NO_PLAN, "SADMIN": NO_PLAN})
    eve.require(Role.VIEWER, doing="This")
    with pytest.raises(AccessDeniedError) as no:
        eve.require(Role.OPERATOR, doing="Retrying", queue="mail")
    assert no.value.template == (
        "Retrying needs the operator role, and the user groups that have it cannot be read: "
        f"{NO_PLAN}. Ask {{people}}, or name people by user id under `access` in the config."
    )
    assert no.value.people == ("UBOB",)
    with pytest.raises(AccessDeniedError, match=rf"{NO_PLAN}\. Name people by user id"):
        eve.require(Role.ADMIN, doing="Draining")


def test_a_group_that_could_not_give_the_role_is_not_talked_about():
    vera = standing("UVERA", catalog=CATALOG, unread={"SOTHER": NO_PLAN})
    with pytest.raises(AccessDeniedError, match=r"needs the operator role\. Ask"):
        vera.require(Role.OPERATOR, doing="Retrying", queue="orders")


def test_while_slack_cannot_tell_it_may_be_tried_again():
    eve = standing("UEVE", catalog=GROUPED, away=frozenset({"SOPS"}))
    eve.require(Role.VIEWER, doing="This")
    with pytest.raises(SlackUnavailableError, match="cannot tell now"):
        eve.require(Role.OPERATOR, doing="Retrying")
    with pytest.raises(AccessDeniedError, match="needs the admin role"):
        eve.require(Role.ADMIN, doing="Draining")


@pytest.mark.parametrize("user", ["UALICE", "UBOB", "UCARL", "UPAM", "UVERA", "UEVE", ""])
def test_the_sight_of_many_queues_is_that_of_each(user):
    person = standing(user)
    for queue in ("orders", "mail", "new", SALARIES, QueueId("main", "bull", "orders"), None):
        assert person.sight()(queue) is person.sees(queue)


def test_who_may_see_all_is_not_asked_for_each(monkeypatch):
    """A thousand names held against the config's patterns take some milliseconds."""
    open_to_all = Catalog(default=QueuePolicy(), access=AccessPolicy())
    sees = standing("UEVE", catalog=open_to_all).sight()
    monkeypatch.setattr(Catalog, "policy", None)
    assert sees(SALARIES)
