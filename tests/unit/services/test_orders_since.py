"""What Salesforce says of orders between a card and its press: nothing, or that they are begun."""

import pytest

from bot.commands import plan_buttons
from bot.domain.jobs import FailureFilter
from bot.domain.times import HOUR, MINUTE
from bot.errors import JobGoneError
from tests.support.fake_salesforce import order_id
from tests.support.fakes import ORDERS, START
from tests.support.salesforce_office import salesforce_office
from tests.support.toolbox import ALICE, BOB, said, value_of

pytestmark = pytest.mark.usefixtures("quick")
WHMCS = FailureFilter(code="WHMCS_ERROR")


@pytest.fixture
async def office(redis, queues, messenger, salesforce):
    """Six failed orders, which Salesforce provisions too."""
    since = START - HOUR
    return await salesforce_office(redis, queues, messenger, salesforce, count=6, since=since)


async def propose(office, **options):
    return (await office.toolbox.planner.propose(BOB, ORDERS, WHMCS, **options)).plan


async def test_a_press_while_salesforce_is_away_draws_the_card_again_and_another_goes_on(
    office, salesforce
):
    card = await office.ask("retry order-provisioning --error WHMCS_ERROR --bullmq")
    for number in range(6):
        salesforce.put(order_id(number), "Activated")
    salesforce.go_away()
    drawn = await plan_buttons.confirm(office.toolbox, BOB, value_of(card, "Retry 6"))
    assert not office.submitted.waiting
    text = said(drawn)
    assert (
        "Salesforce cannot tell any more which orders are done (Salesforce did not answer)" in text
    )
    assert "Not checked in Salesforce whether these orders are done already" in text
    await plan_buttons.confirm(office.toolbox, BOB, value_of(drawn, "Retry 6"))
    await office.run_operations()
    assert len(office.queues.queues[ORDERS].retried) == 6, "now the person knows"


async def test_a_card_that_could_not_be_checked_is_not_drawn_again_for_that(office, salesforce):
    salesforce.go_away()
    plan = await propose(office)
    assert (await office.toolbox.confirming.confirm(BOB, plan.id)).drawn_again is None


async def test_a_canarys_rest_is_asked_anew_while_salesforce_is_away(office, salesforce):
    plan = await propose(office, canary=1)
    await office.toolbox.confirming.confirm(BOB, plan.id)
    await office.run_operations()
    salesforce.go_away()
    again = await office.toolbox.confirming.rest(ALICE, plan.id)
    assert again.drawn_again.plan.count == 5


class TestRetriedThroughSalesforce:
    """Bob has set the orders to Activating; their new jobs are still to come."""

    @pytest.fixture
    async def office(self, office, salesforce, clock):
        self.drawn_before = (await propose(office)).id
        clock.forward(MINUTE)
        for number in range(4):
            salesforce.put(order_id(number), "Activating")
        return office

    async def test_no_job_of_theirs_is_retried_by_bullmq_too(self, office):
        plan = await propose(office)
        assert [job for job, _ in plan.ids] == ["w4", "w5"]
        assert plan.warnings[0] == (
            "4 orders are Activating in Salesforce: left out, a retry would provision them twice"
        )

    async def test_a_press_on_a_card_that_was_drawn_before_draws_it_again(self, office):
        again = await office.toolbox.confirming.confirm(BOB, self.drawn_before)
        assert again.change.overtaken.jobs == ("w0", "w1", "w2", "w3")
        assert again.drawn_again.plan.count == 2

    async def test_one_of_their_jobs_is_not_retried_without_a_card(self, office):
        card = await office.ask("retry order-provisioning w3 --bullmq", ALICE)
        assert office.queues.queues[ORDERS].retried == []
        assert "1 order is Activating in Salesforce: a retry would provision it twice" in said(card)

    async def test_only_jobs_of_orders_that_are_done_are_said_to_be_of_no_use(
        self, office, salesforce
    ):
        salesforce.put(order_id(5), "Activated")
        [said, *_] = (await propose(office)).warnings
        assert said == (
            "5 orders are Activating or Activated in Salesforce: left out, a retry would provision "
            "them twice. The failed job of the one that is done (w5) can go, archived first: "
            "`remove QUEUE ID`"
        )

    async def test_where_all_are_there_is_no_card(self, office, salesforce):
        for number in (4, 5):
            salesforce.put(order_id(number), "Activating")
        with pytest.raises(JobGoneError, match=r"6 orders are Activating in Salesforce\. To retry"):
            await propose(office)

    async def test_an_order_that_was_left_activating_as_its_job_failed_is_retried(
        self, office, clock
    ):
        clock.forward(MINUTE)
        office.queues.queues[ORDERS].fail("w0", "WHMCS_ERROR: down", clock.now)
        assert "w0" in dict((await propose(office)).ids)
