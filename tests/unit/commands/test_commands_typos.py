"""A slip of the finger is answered with the nearest thing that there is."""

from dataclasses import replace

import pytest

from bot.commands.arguments import ECHO, echo, parse
from bot.commands.failed import known_code
from bot.domain.policy import Catalog, QueuePolicy
from bot.domain.queues import QueueId
from bot.errors import UnknownQueueError, UsageError
from tests.support.fakes import ORDERS, START
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
        ("obiltrate order-provisioning", "Did you mean `obliterate`?"),
        ("failures", "Did you mean `failed`?"),
        ("redo order-provisioning", "Did you mean `retry` or `undo`?"),
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
        ("failed order-provisioning -eror X", "Did you mean --error?"),
        ("failed order-provisioning \u2013eror X", "Did you mean --error?"),
        ("failed order-provisioning MAPPING_ERROR", "Did you mean --error MAPPING_ERROR?"),
        ("failed order-provisioning mapping_error", "Did you mean --error MAPPING_ERROR?"),
        ("failed order-provisioning 2h", "Did you mean --since 2h?"),
        # failure codes
        (
            "failed order-provisioning --error WHMC_ERROR",
            "No error WHMC_ERROR in order-provisioning. Did you mean WHMCS_ERROR (3)?",
        ),
        ("failed order-provisioning --error mapping_eror --jobs", "Did you mean MAPPING_ERROR (2)"),
        (
            "retry order-provisioning --error NOPE",
            "No error NOPE in order-provisioning. There are WHMCS_ERROR (3), MAPPING_ERROR (2).",
        ),
        # rules
        ("silence order-provisioning backlgo 1h", "Did you mean backlog?"),
        ("silence order-provisioning processor-down 1h", "Did you mean processor_down?"),
        ("silence order-provisioning everything 1h", 'no rule "everything". There are: backlog,'),
        ("silence order-provisioning everything", '"everything" is not a duration'),
    ],
)
async def test_the_nearest_is_named(office, text, told):
    with pytest.raises(UsageError) as caught:
        await office.ask(text, ALICE)
    assert told in str(caught.value)


@pytest.mark.parametrize("word", ["frobnicate", "iterate", "restart", "move", "paint"])
async def test_what_changes_something_is_not_offered_for_a_far_word(office, word):
    with pytest.raises(UsageError) as caught:
        await office.ask(f"{word} order-provisioning", ALICE)
    assert str(caught.value) == f'There is no command "{word}". Try `/queue help`.'


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


async def test_the_only_queue_is_named(redis, queues, messenger):
    queues.add(QueueId("main", "bull", "orders"))
    catalog = Catalog(default=QueuePolicy(), prefixes={"main": "bull"})
    office = build_office(redis=redis, queues=queues, messenger=messenger, catalog=catalog)
    await office.tick()
    with pytest.raises(UnknownQueueError, match=r'No queue "zzzz"\. There is orders only\.'):
        await office.ask("status zzzz", ALICE)


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


@pytest.mark.parametrize("dash", ["-", "\u2013", "\u2014", "--"])
async def test_any_dash_before_an_option_will_do(office, dash):
    answer = await office.said(f"failed order-provisioning {dash}error WHMCS_ERROR", BOB)
    assert "3 of 5 failed" in answer


def test_a_job_may_begin_with_a_dash():
    assert parse(["-4711", "-x"], options=["error"]).words == ("-4711", "-x")


async def test_a_failure_code_may_be_typed_in_any_case_and_as_it_is_shown(office, queues):
    queue = queues.queues[ORDERS]
    assert "3 of 5 failed" in await office.said("failed order-provisioning --error whmcs_error")
    queue.fail("s0", "Authorization: Bearer abc.def", START)
    shown = await office.ask(
        'failed order-provisioning --error "Authorization: \u2022\u2022\u2022\u2022"'
    )
    assert "1 of 6 failed" in said(shown)
    assert "abc.def" not in str(shown)


async def test_a_code_of_many_that_are_not_all_told_is_found(office, queues):
    queues.queues[ORDERS].fail("r0", "RARE_CASE: once", START)
    report = queues.failures

    async def without_the_least(queue, wanted):
        found = await report(queue, wanted)
        return replace(found, groups=found.groups[:1]) if wanted.code is None else found

    queues.failures = without_the_least
    assert await known_code(office.toolbox, ORDERS, "RARE_CASE") == "RARE_CASE"
    with pytest.raises(UsageError, match=r"There is WHMCS_ERROR \(3\)\."):
        await known_code(office.toolbox, ORDERS, "nothing like it")


def test_two_dashes_alone_are_a_word():
    assert parse(["--"]).words == ("--",)


def test_what_was_typed_is_said_back_in_short():
    assert echo("a  b") == "a b"
    assert len(echo("x" * 5000)) == ECHO
    with pytest.raises(UsageError) as caught:
        parse(["--" + "x" * 5000])
    assert len(str(caught.value)) < 100
