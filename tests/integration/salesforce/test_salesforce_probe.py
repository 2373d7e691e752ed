"""What `bullhorn check` sees of a Salesforce."""

from dataclasses import replace

import pytest

from bot.adapters.salesforce_login import Credentials
from bot.domain.checkup import Trouble
from bot.domain.salesforce_login import LoginKind
from bot.errors import SalesforceRefusedError
from tests.support.fake_salesforce import order_id
from tests.support.local_salesforce import POLICY, connected


async def test_the_probe_reads_fields_and_limits(server):
    async with connected(server) as made:
        facts = await made.probe.look()
    assert facts.host == server.url.removeprefix("http://")
    assert facts.version == "62.0"
    assert (facts.missing, facts.read_only, facts.editable) == ((), (), True)
    assert facts.values == ("Pending", "Activating", "Activated", "Failed")
    assert 14_000 < facts.limits.remaining < facts.limits.allowed


async def test_the_probe_names_what_is_hidden_and_what_cannot_be_changed(server):
    server.rest.hidden = {"Activation_Error__c"}
    server.rest.read_only = {"Activation_Status__c"}
    async with connected(server) as made:
        facts = await made.probe.look()
        assert (facts.missing, facts.read_only) == (
            ("Activation_Error__c",),
            ("Activation_Status__c",),
        )
        with pytest.raises(SalesforceRefusedError, match="No such column 'Activation_Error__c'"):
            await made.orders.order(order_id(1))


@pytest.mark.parametrize(
    ("policy", "fault", "other", "said"),
    [
        ({"api_version": "99.0"}, "", {}, "it has no API version 99.0"),
        ({"object": "Ordr"}, "", {}, "its user sees no object Ordr"),
        ({}, "unavailable", {}, "Salesforce did not answer"),
        ({}, "", {"consumer_secret": "hunter2"}, "refuses the login by client credentials"),
    ],
)
async def test_the_probe_returns_what_goes_wrong(server, policy, fault, other, said):
    if fault:
        server.faults.add(fault)
    async with connected(server, policy=replace(POLICY, **policy), **other) as made:
        seen = await made.probe.look()
    assert isinstance(seen, Trouble)
    assert said in seen.why
    assert seen.fix
    assert "hunter2" not in seen.why


def test_a_local_salesforce_is_spoken_to_without_tls_and_no_other():
    def local(**urls):
        return Credentials(kind=LoginKind.PASSWORD, **urls).local

    assert local(instance_url="http://127.0.0.1:8080") == "http://127.0.0.1:8080"
    assert local(login_url="http://localhost:8080") == "http://localhost:8080"
    assert local(instance_url="https://acme.my.salesforce.com") is None
