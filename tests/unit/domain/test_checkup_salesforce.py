"""Facts about Salesforce and the lines they make in `bullhorn check`."""

from dataclasses import replace

import pytest

from bot.domain import checkup_salesforce as checkup
from bot.domain.checkup import SalesforceFacts, Status, Trouble
from bot.domain.policy import Catalog, QueuePolicy
from bot.domain.salesforce import DayLimits, SalesforcePolicy

POLICY = SalesforcePolicy()
WELL = SalesforceFacts(
    host="acme.my.salesforce.com", version="62.0",
    limits=DayLimits(remaining=14_200, allowed=15_000),
    values=("Pending", "activating", "Activated", "Failed"),
)  # fmt: skip


def lines(seen, policy=POLICY):
    return checkup.lines(seen, policy, login="JWT bearer")


def test_a_salesforce_that_is_well():
    found = lines(WELL)
    assert {line.status for line in found} == {Status.OK}
    assert [line.check for line in found] == [
        "Salesforce", "Salesforce: fields", "Salesforce: requests",
    ]  # fmt: skip
    assert found[0].detail == "acme.my.salesforce.com, API 62.0, login by JWT bearer"
    assert found[1].detail == (
        "Activation_Status__c, Activation_Error__c, Activation_Error_DateTime__c "
        "can be read and changed"
    )
    assert found[2].detail == "14,200 of the day's 15,000 left, 500 kept in reserve"


@pytest.mark.parametrize(
    ("other", "status", "words"),
    [
        ({"missing": ("Activation_Error__c",)}, Status.FAIL, "not seen of Order: Activation_Err"),
        ({"read_only": ("Activation_Status__c",)}, Status.FAIL, "read only of Order: Activation_S"),
        ({"editable": False}, Status.FAIL, "read only of Order: the object itself"),
        ({"values": ("New", "Failed")}, Status.FAIL, "no value Activating (it has New, Failed)"),
        ({"values": ("Activating", "Broken")}, Status.WARN, "has none of Failed, Error, Activ"),
        ({"values": ("Activating", "Failed")}, Status.WARN, "has none of Activated (it has"),
        ({"values": ()}, Status.OK, "can be read and changed"),
    ],
)
def test_what_a_retry_could_not_do_is_told_with_what_to_do(other, status, words):
    line = lines(replace(WELL, **other))[1]
    assert line.status is status
    assert words in line.detail
    assert bool(line.fix) is (status is not Status.OK)


def test_any_state_needs_no_value_of_the_list():
    seen = replace(WELL, values=("Activating", "Broken"))
    assert lines(seen, replace(POLICY, failed=(), succeeded=()))[1].status is Status.OK


@pytest.mark.parametrize(("left", "status"), [(501, Status.OK), (500, Status.WARN)])
def test_the_reserve(left, status):
    seen = replace(WELL, limits=DayLimits(remaining=left, allowed=15_000))
    assert lines(seen)[2].status is status


def test_away_is_one_failure_and_the_rest_is_skipped():
    found = lines(Trouble(why="Salesforce did not answer", fix="later", absent=True))
    assert [line.status for line in found] == [Status.FAIL, Status.SKIP, Status.SKIP]


def test_without_credentials_the_queues_it_is_recommended_for_are_named():
    through = QueuePolicy(retry_via="salesforce")
    catalog = Catalog(default=QueuePolicy(), queues={"orders": through, "sims": QueuePolicy()})
    [line] = checkup.unset(catalog)
    assert (line.check, line.status) == ("Salesforce", Status.WARN)
    assert line.detail == ("no credentials: BullMQ retries orders, best retried through Salesforce")
    assert "SALESFORCE_" in line.fix
    assert checkup.unset(Catalog(default=QueuePolicy())) == []
    assert checkup.lines(None, POLICY, login=None) == []
