"""A slip of the finger is answered with the nearest thing that there is."""

import pytest

from bot.commands.arguments import parse
from bot.domain.policy import Catalog, QueuePolicy
from bot.domain.queues import QueueId
from bot.errors import UnknownQueueError, UsageError
from tests.support.toolbox import ALICE, BOB, build_office, said


@pytest.mark.parametrize(
    ("text", "told"),
    [
        # commands
        ("statsu", 'There is no command "statsu". Did you mean `status`?'),
        ("RETYR order-provisioning w0", "Did you mean `retry`?"),
        ("silense order-provisioning 1h", "Did you mean `silence`?"),
        ("order-provisioning", "Try `/queue help`"),
        ("help retyr", "Did you mean `retry`?"),
        # queues
        ("status order-provisionig", 'No queue "order-provisionig". Did you mean order-prov'),
        ("failed sim-managment", "Did you mean sim-management?"),
        ("job sims 4711", 'No queue "sims". Try `status` for all 3 of them'),
        ("retry Order-Provisioning --all", "Did you mean order-provisioning?"),
        ("silence sim-managment 1h", "Did you mean sim-management?"),
        ("alerts test invoces", "Did you mean invoices?"),
        ("history sim-managment", "Did you mean sim-management?"),
        ("status invoices", "invoices is in the config, but not in Redis yet"),
        # options
        ("failed order-provisioning --eror X", "There is no option --eror. Did you mean --error?"),
        ("failed order-provisioning --job", "Did you mean --jobs?"),
        ("retry order-provisioning --al", "Did you mean --all?"),
        ("retry order-provisioning --all=yes", "no option --all"),
        ("job order-provisioning w0 --log", "Did you mean --logs?"),
        ("job order-provisioning w0 --everything", "There are: --stack, --logs"),
        ("status --all", "There is no option --all here"),
        # rules
        ("silence order-provisioning backlgo 1h", "Did you mean backlog?"),
        ("silence order-provisioning processor-down 1h", "Did you mean processor_down?"),
        ("silence order-provisioning everything 1h", '"everything" is not a duration'),
    ],
)
async def test_the_nearest_is_named(office, text, told):
    with pytest.raises(UsageError) as caught:
        await office.ask(text, ALICE)
    assert told in str(caught.value)


async def test_no_typo_is_on_record_or_does_anything(office, queues):
    for text in ("retyr order-provisioning w0", "retry order-provisionig w0", "silence al 1h"):
        with pytest.raises(UsageError):
            await office.ask(text, BOB)
    assert await office.history() == []
    assert await office.toolbox.finder.seen() == frozenset(queues.queues)


async def test_before_any_queue_was_seen_that_is_said(redis, queues, messenger):
    catalog = Catalog(default=QueuePolicy())
    office = build_office(redis=redis, queues=queues, messenger=messenger, catalog=catalog)
    with pytest.raises(UnknownQueueError, match="I have not seen any queue yet"):
        await office.ask("status orders", ALICE)


async def test_a_name_that_two_sources_have_must_be_told_apart(redis, queues, messenger):
    for source in ("main", "europe"):
        queues.add(QueueId(source, "bull", "orders"))
    queues.add(QueueId("europe", "bull", "sims"))
    catalog = Catalog(default=QueuePolicy(), prefixes={"main": "bull", "europe": "bull"})
    office = build_office(redis=redis, queues=queues, messenger=messenger, catalog=catalog)
    await office.tick()
    with pytest.raises(UnknownQueueError, match=r"several sources\. Say which: europe/orders, mai"):
        await office.ask("failed orders", ALICE)
    assert "europe/orders" in said(await office.ask("failed europe/orders", ALICE))
    assert "europe/sims" in said(await office.ask("failed sims", ALICE))


def test_options_take_their_value_behind_a_space_or_an_equals_sign():
    got = parse(["q", "--error", "A B", "--since=2h", "--ALL", "1"], options=["error", "since"],
                flags=["all"])  # fmt: skip
    assert got.words == ("q", "1")
    assert got.options == {"error": "A B", "since": "2h"}
    assert got.flags == {"all"}
    assert got.duration("since") == 7_200_000


def test_two_dashes_alone_are_a_word():
    assert parse(["--"]).words == ("--",)
