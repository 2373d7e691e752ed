"""The consequences on a plan's card: each when it is true, with its number, and not otherwise."""

import pytest

from bot.domain.plan_choice import COMPLETED, NEWER, OPEN, Superseded, TooSoon
from bot.domain.plan_consequences import Known
from bot.domain.plan_facts import PlanFacts
from bot.domain.plan_warnings import plan_warnings
from bot.domain.plans import PlanGroup, PlanKind
from bot.domain.policy import ErrorPolicy, QueuePolicy, Retryable
from bot.domain.times import DAY, HOUR, MINUTE

NOW = 1_700_000_000_000
POLICY = QueuePolicy(
    errors={"W_ERROR": ErrorPolicy(code="W_ERROR", retryable=Retryable.YES)},
    business_id="sfOrderId",
    subject="simAccount",
    min_gap=30 * MINUTE,
)
GROUPS = (PlanGroup("W_ERROR", 9, NOW - HOUR),)


def warned(known, policy=POLICY):
    return plan_warnings(GROUPS, policy, now=NOW, workers=2, known=known)


def of(**sums):
    return warned(Known(facts=PlanFacts(count=9, **sums)))


def test_nothing_is_said_where_nothing_is_known_to_be_wrong():
    assert warned(Known(facts=PlanFacts(count=9, oldest_created=NOW - HOUR))) == ()


@pytest.mark.parametrize(
    ("sums", "said"),
    [
        (
            {"exhausted": 9, "attempts": 3},
            "All 9 used their 3 attempts: each gets one more try",
        ),
        ({"exhausted": 9}, "All 9 used all their attempts: each gets one more try"),
        ({"exhausted": 4, "attempts": 3}, "4 of 9 used their 3 attempts: each gets one more try"),
        ({"exhausted": 1, "attempts": 1}, "1 of 9 used its 1 attempt: it gets one more try"),
        ({"prioritized": 1}, "1 has a priority, kept"),
        ({"prioritized": 3}, "3 have a priority, kept"),
        ({"children": 1}, "1 flow child: re-linked, its parent waits for it"),
        ({"children": 4}, "4 flow children: re-linked, their parents wait for them"),
        (
            {"children": 1, "orphaned": 1},
            "1 flow child whose parent has already left: no retry brings it back",
        ),
        (
            {"children": 2, "orphaned": 2},
            "2 flow children whose parents have already left: no retry brings them back",
        ),
        ({"vanished": 1}, "1 failed job has vanished: only its id is left"),
        ({"vanished": 4}, "4 failed jobs have vanished: only their ids are left"),
        ({"oldest_created": NOW - DAY}, "The oldest is 1 d old: its data may be out of date"),
    ],
)
def test_each_consequence_alone(sums, said):
    assert of(**sums) == (said,)


def test_one_job_alone_that_used_its_attempts():
    known = Known(facts=PlanFacts(count=1, exhausted=1, attempts=3))
    assert warned(known) == ("It used its 3 attempts: it gets one more try",)


def test_fresh_attempts_are_offered_or_given():
    facts = PlanFacts(count=9, exhausted=9, attempts=3)
    (said,) = warned(Known(facts=facts, may_be_fresh=True))
    assert said.endswith("each gets one more try, unless given fresh attempts")
    assert warned(Known(facts=facts, fresh=True)) == ()


def test_priorities_that_this_bullmq_would_lose():
    facts = PlanFacts(count=9, prioritized=3)
    (said,) = warned(Known(facts=facts, priority_lost=True))
    assert said == "3 have a priority: left out, this BullMQ would lose them"


def test_children_whose_parents_wait_and_children_whose_parents_left():
    assert len(of(children=5, orphaned=2)) == 2
    assert "2 flow children whose" in of(children=5, orphaned=2)[0]
    assert "3 flow children: re-linked" in of(children=5, orphaned=2)[1]


def other_job(*kinds, values=3, jobs=3, **more):
    found = Superseded(
        jobs=tuple(map(str, range(jobs))), values=values, kinds=frozenset(kinds), **more
    )
    return Known(facts=PlanFacts(count=9), superseded=found)


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (
            other_job(NEWER, COMPLETED),
            (
                "3 orders already have a newer or a completed job: "
                "left out, a retry would run them twice"
            ),
        ),
        (
            other_job(NEWER, OPEN, COMPLETED, values=2),
            (
                "2 orders (3 jobs) already have a newer, an open or a completed job: "
                "left out, a retry would run them twice"
            ),
        ),
        (
            other_job(OPEN, values=1, jobs=1),
            "1 order already has an open job: left out, a retry would run it twice",
        ),
        (
            other_job(values=0, jobs=0, unknown=1),
            "1 job names no order: unknown whether another did the work",
        ),
        (
            other_job(values=0, jobs=0, unknown=4),
            "4 jobs name no order: unknown whether another did the work",
        ),
        (
            other_job(values=0, jobs=0, complete=False),
            "Too many jobs to look through all for newer and completed ones",
        ),
        (
            other_job(values=0, jobs=0, unread=2, unsure=("1",)),
            (
                "2 jobs of the queue could not be read (over 64 KB, or no JSON): "
                "they may do the same work"
            ),
        ),
    ],
)
def test_orders_that_have_another_job(known, said):
    assert warned(known) == (said,)
    assert warned(known, QueuePolicy(errors=POLICY.errors)) == (), "without a business id"


def test_named_jobs_are_not_left_out_and_it_is_the_gravest():
    found = other_job(COMPLETED)
    known = Known(
        superseded=found.superseded, named=True, facts=PlanFacts(count=9, exhausted=9, attempts=3)
    )
    groups = (PlanGroup("NEW_ERROR", 9, NOW - HOUR),)
    said = plan_warnings(groups, POLICY, now=NOW, workers=0, paused=True, known=known)
    assert said[0] == "3 orders already have a completed job: a retry would run them twice"


def test_subjects_tried_too_recently():
    assert warned(Known(soon=TooSoon(subjects=2, later_at=NOW + 1))) == (
        "2 SIM accounts were tried less than 30 min ago",
    )
    assert warned(Known(soon=TooSoon(subjects=1, later_at=NOW + 1))) == (
        "1 SIM account was tried less than 30 min ago",
    )


def test_how_many_are_kept():
    said = "500 failed, 500 kept at most: older failures are not here"
    assert warned(Known(kept=500, kept_limit=500)) == (said,)
    assert warned(Known(kept=499, kept_limit=500)) == ()
    assert warned(Known(kept=500, kept_limit=None)) == ()
    assert warned(Known(kept=500, kept_limit=500, named=True)) == ()


def test_through_salesforce_nothing_is_said_of_the_old_jobs_options():
    facts = PlanFacts(count=9, exhausted=9, attempts=3, prioritized=2, children=3, orphaned=1)
    assert warned(Known(facts=facts, kind=PlanKind.SALESFORCE)) == ()


def test_the_gravest_stand_first():
    facts = PlanFacts(
        count=9, exhausted=9, attempts=3, prioritized=1, children=3, orphaned=1, vanished=1,
        oldest_created=NOW - 2 * DAY,
    )  # fmt: skip
    known = Known(
        facts=facts, kept=9, kept_limit=9, soon=TooSoon(subjects=1, later_at=NOW + 1),
        superseded=other_job(NEWER).superseded,
    )  # fmt: skip
    groups = (PlanGroup("NEW_ERROR", 9, NOW - HOUR),)
    said = plan_warnings(groups, POLICY, now=NOW, workers=None, paused=True, known=known)
    begins = [
        "The queue is paused", "3 orders already", "1 flow child whose",
        "Unknown whether a retry helps", "1 SIM account", "All 6 used", "1 has a priority",
        "2 flow children", "Unknown whether a worker", "1 failed job has", "The oldest is",
        "9 failed, 9 kept",
    ]  # fmt: skip
    assert len(said) == len(begins)
    for text, begin in zip(said, begins, strict=True):
        assert text.startswith(begin)


def test_jobs_that_are_left_out_are_not_counted_among_those_that_used_their_attempts():
    facts = PlanFacts(count=9, exhausted=9, attempts=3)
    superseded = other_job(NEWER).superseded
    used = "used their 3 attempts: each gets one more try"
    assert f"All 6 {used}" in warned(Known(facts=facts, superseded=superseded))
    assert f"All 9 {used}" in warned(Known(facts=facts, superseded=superseded, named=True))
    some = PlanFacts(count=9, exhausted=7, attempts=3)
    said = warned(Known(facts=some, superseded=superseded))
    assert f"7 of the 9, those left out too, {used}" in said
