"""What is shown of orders in Salesforce: status, error, link, what is stuck, what is unknown."""

import pytest

from bot.domain.archives import ArchiveInfo
from bot.domain.jobs import JobDetail
from bot.domain.policy import Catalog, QueuePolicy
from bot.domain.queues import QueueId
from bot.domain.salesforce import Order, OrderView, StuckOrders
from bot.domain.times import DAY
from bot.render import job as render
from bot.render import orders
from tests.support.fake_salesforce import order_id
from tests.support.fakes import START

ONE = order_id(1)
URL = f"https://acme.my.salesforce.com/{ONE}"
JOB = JobDetail(
    queue=QueueId("main", "bull", "order-provisioning"), id="4711", name="provision",
    state="failed", data={"sfOrderId": ONE, "token": "hunter2hunter2"}, options={},
    attempts_made=3, attempts=3, failed_reason="WHMCS_ERROR: down", finished_at=START,
)  # fmt: skip
POLICY = QueuePolicy(retry_via="salesforce")


def order(**other):
    return Order(**{"id": ONE, "status": "Failed", "modified_at": START, "url": URL, **other})


def said(view):
    """The finished mrkdwn of all sections."""
    message = render.detail(JOB, POLICY, Catalog(default=POLICY), START, order=view)
    parts = [*message.blocks, *(e for b in message.blocks for e in b.get("elements", []))]
    return "\n".join(
        b["text"] if isinstance(b["text"], str) else b["text"]["text"] for b in parts if "text" in b
    )


def test_the_job_view_shows_status_error_and_a_link():
    view = OrderView(order_id=ONE, order=order(error="WHMCS_ERROR: down", error_at=START))
    text = said(view)
    assert f"*Salesforce order* `{ONE}`: *Failed*, changed " in text
    assert f"<{URL}|open>" in text
    assert '"WHMCS_ERROR: down" at ' in text


def test_the_error_of_an_order_is_masked_and_harmless():
    error = "refused hunter2hunter2 <!channel> *bold* `code`" + "x" * 500
    text = said(OrderView(order_id=ONE, order=order(error=error)))
    assert "hunter2" not in text
    assert "<!channel>" not in text
    assert "x" * 300 not in text


def test_an_order_that_is_not_there_and_one_that_is_not_known():
    assert "not there, or Bullhorn's user may not see it" in said(OrderView(order_id=ONE))
    unknown = OrderView(order_id=ONE, unknown="Salesforce did not answer")
    assert "unknown: Salesforce did not answer" in said(unknown)
    assert "Salesforce" not in said(None)


def test_a_bad_address_makes_no_link():
    assert "javascript" not in said(OrderView(order_id=ONE, order=order(url="javascript:x")))


def of_queue(stuck, *, may_retry=True):
    block = orders.of_queue(stuck, "order-provisioning", START, may_retry=may_retry)
    return None if block is None else block._resolve()


def test_stuck_orders_come_with_their_number_and_a_button():
    stuck = StuckOrders(orders=tuple(order(id=order_id(n), status="Activating") for n in range(5)))
    block = of_queue(stuck)
    text = block["text"]["text"]
    assert "*5 orders are Activating* in Salesforce without a job, the oldest since " in text
    assert f"`{order_id(0)}`, `{order_id(1)}`, `{order_id(2)}` and 2 more" in text
    assert block["accessory"]["value"] == "retry order-provisioning --stuck"
    assert "accessory" not in of_queue(stuck, may_retry=False)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({}, "*1 order is Activating*"),
        ({"more": True}, "*at least 1 order is Activating*"),
        ({"sure": False}, "*up to 1 order is Activating*"),
    ],
)
def test_what_is_not_sure_is_said(other, words):
    text = of_queue(StuckOrders(orders=(order(status="Activating"),), **other))["text"]["text"]
    assert words in text
    assert ("Not all of the queue's jobs and archives" in text) is (other.get("sure") is False)


def kept_in(name, count, **more):
    info = ArchiveInfo(
        id=name, queue=JOB.queue, state="", kind="drain", by="U0ALICE", at=START,
        expires_at=START + 7 * DAY, **more,
    )  # fmt: skip
    return info, count


def of_archives(stuck, *, may_retry=True):
    block = orders.of_archives(stuck, START, may_retry=may_retry)
    return None if block is None else block._resolve()


def test_archived_orders_are_told_by_archive_with_what_brings_them_back():
    kept = tuple(kept_in(f"a{n}", 200 - 60 * n) for n in range(4))
    block = of_archives(StuckOrders(archived=kept, more=True))
    title, *lines = block["text"]["text"].split("\n")
    assert title.endswith(
        "*at least 440 orders are activating* in Salesforce, and their jobs are archived"
    )
    assert lines[0].startswith("200 drained by <@U0ALICE>")
    assert lines[0].endswith("`undo a0` brings them back")
    assert len(lines) == 4
    assert lines[-1] == "and in 1 more archive: `undo` lists them"
    assert block["accessory"]["value"] == "undo a0"
    assert "accessory" not in of_archives(StuckOrders(archived=kept), may_retry=False)
    one = of_archives(StuckOrders(archived=(kept_in("a", 1),)))["text"]["text"]
    assert "*1 order is activating* in Salesforce, and its job is archived" in one
    assert "brings it back" in one
    assert of_archives(None) is None
    assert of_archives(StuckOrders()) is None


def test_nothing_stuck_says_nothing_and_unknown_is_no_warning():
    assert of_queue(None) is None
    assert of_queue(StuckOrders()) is None
    block = of_queue(StuckOrders(unknown="Salesforce did not answer"))
    assert block["type"] == "context"
    assert "unknown: Salesforce did not answer" in block["elements"][0]["text"]
