"""Which failed jobs have another job for their order, and which subjects were tried just now."""

import pytest

from bot.domain.plan_choice import COMPLETED, NEWER, OPEN, noun, superseded, too_soon
from bot.domain.plan_facts import FailedAbout, PlanFacts, summed
from bot.domain.subjects import JobAbout, JobsAbout
from bot.domain.times import MINUTE

NOW = 1_700_000_000_000
MADE = NOW - 60 * MINUTE
GAP = 30 * MINUTE


def failed(id_, order="o1", *, made=MADE, at=NOW - 50 * MINUTE, subject=None):
    return FailedAbout(id=id_, failed_at=at, created_at=made, business=order, subject=subject)


def facts(*jobs, count=None):
    return PlanFacts(count=len(jobs) if count is None else count, about=jobs)


def other(id_, state, *, made=MADE, started=None, finished=None):
    return JobAbout(id=id_, state=state, created_at=made, started_at=started, finished_at=finished)


def about(**found):
    return JobsAbout(found={value: tuple(jobs) for value, jobs in found.items()})


def kinds_of(*others, made=MADE):
    found = superseded(facts(failed("7", made=made)), about(o1=[other("7", "failed"), *others]))
    assert (found.jobs, found.values) == ((("7",), 1) if found.kinds else ((), 0))
    return found.kinds


def test_a_job_is_not_superseded_by_itself_or_by_older_failures():
    assert kinds_of() == set()
    assert kinds_of(other("6", "failed", made=MADE - 1)) == set()


@pytest.mark.parametrize("state", ["wait", "active", "delayed", "failed", "waiting-children"])
def test_a_newer_job_in_any_state_supersedes(state):
    assert kinds_of(other("8", state, made=MADE + 1)) == {NEWER}


def test_a_completed_job_supersedes_whatever_its_age():
    assert kinds_of(other("1", "completed", made=MADE - 9)) == {COMPLETED}


def test_an_older_job_that_waits_or_runs_supersedes():
    assert kinds_of(other("1", "wait", made=MADE - 9)) == {OPEN}


def test_of_two_made_in_the_same_millisecond_one_is_retried():
    jobs = facts(failed("9"), failed("10"))
    both = about(o1=[other("9", "failed"), other("10", "failed")])
    assert superseded(jobs, both).jobs == ("9",), "ids are compared as numbers"


def test_of_jobs_without_a_time_one_is_retried():
    jobs = facts(failed("a", made=None), failed("b", made=None))
    both = about(o1=[other("a", "failed", made=None), other("b", "failed", made=None)])
    assert superseded(jobs, both).jobs == ("a",)


def test_jobs_without_an_order_are_never_left_out_and_counted():
    jobs = facts(failed("1", None), failed("2", ""), failed("3"), count=5)
    found = superseded(jobs, about(o1=[]))
    assert found.jobs == ()
    assert found.unknown == 3, "one without a value, two whose data could not be read"


def test_what_could_not_be_looked_through_is_told():
    assert superseded(facts(), JobsAbout()).complete
    assert not superseded(facts(), JobsAbout(complete=False)).complete
    assert not superseded(PlanFacts(complete=False), JobsAbout()).complete


def test_of_jobs_that_have_no_other_it_is_unsure_where_not_all_could_be_looked_at():
    jobs = facts(failed("1"), failed("2", "o2"), failed("3", None))
    done = {"o1": (other("8", "completed"),)}
    for missed in ({"unread": 1}, {"complete": False}):
        found = superseded(jobs, JobsAbout(found=done, **missed))
        assert (found.jobs, found.unsure) == (("1",), ("2",))
    assert superseded(jobs, JobsAbout(found=done)).unsure == ()


def test_an_orders_two_forms_are_one_order():
    jobs = facts(failed("1", "8014x0000000001AAA"), failed("2", "8014x0000000001"))
    done = dict.fromkeys(("8014x0000000001AAA", "8014x0000000001"), (other("8", "completed"),))
    assert superseded(jobs, JobsAbout(found=done)).values == 1


def test_a_subject_tried_just_now_by_any_of_its_jobs():
    jobs = facts(failed("1", subject="s1"), failed("2", subject="s2"), failed("3", subject="s3"))
    tried = about(
        s1=[other("x", "completed", started=NOW - 12 * MINUTE, finished=NOW - 10 * MINUTE)],
        s2=[other("y", "active", started=NOW - 5 * MINUTE)],
        s3=[other("z", "wait")],
    )
    soon = too_soon(jobs, tried, (), gap=GAP, now=NOW)
    assert (soon.subjects, soon.later_at) == (2, NOW + 25 * MINUTE)


def test_its_own_last_try_counts_and_exactly_the_gap_is_enough():
    def soon(ago):
        job = failed("1", subject="s1", at=NOW - ago)
        return too_soon(facts(job), JobsAbout(), (), gap=GAP, now=NOW)

    assert soon(GAP - 1).later_at == NOW + 1
    assert (soon(GAP).subjects, soon(GAP).later_at) == (0, None)


def test_two_jobs_of_a_subject_are_one_subject():
    jobs = facts(*(failed(id_, subject="s1", at=NOW - MINUTE) for id_ in "12"))
    assert too_soon(jobs, JobsAbout(), (), gap=GAP, now=NOW).subjects == 1


def test_subjects_of_jobs_that_are_left_out_do_not_count():
    job = failed("1", subject="s1", at=NOW - MINUTE)
    assert too_soon(facts(job), JobsAbout(), ["1"], gap=GAP, now=NOW).subjects == 0


def test_a_clock_ahead_does_not_put_it_off_for_longer_than_the_gap():
    job = failed("1", subject="s1", at=NOW + 600 * MINUTE)
    assert too_soon(facts(job), JobsAbout(), (), gap=GAP, now=NOW).later_at == NOW + GAP


@pytest.mark.parametrize(
    ("path", "one", "more"),
    [
        ("sfOrderId", "order", "orders"),
        ("data.order.sf_order_id", "order", "orders"),
        ("simAccount", "SIM account", "SIM accounts"),
        ("id", "id", "ids"),
        ("ICCID", "ICCID", "ICCIDs"),
        ("address", "address", "address"),
        ("42", "42", "42s"),
        ("注文", "subject", "subjects"),
    ],
)
def test_what_a_path_is_about_in_words(path, one, more):
    assert (noun(path, 1), noun(path, 2)) == (one, more)


def test_sums_of_disjoint_parts():
    one = PlanFacts(
        count=2, exhausted=2, attempts=3, oldest_created=5, first_failed=9, last_failed=9
    )
    two = PlanFacts(count=1, oldest_created=3, vanished=4, unread=1)
    both = summed([one, two])
    assert (both.count, both.exhausted, both.attempts) == (3, 2, 3)
    assert (both.oldest_created, both.first_failed, both.last_failed) == (3, 9, 9)
    assert (both.vanished, both.unread, both.complete) == (4, 1, True)
    three = PlanFacts(count=1, exhausted=1, attempts=5, complete=False)
    assert summed([one, three]).attempts is None
    assert not summed([one, three]).complete
    assert summed([]) == PlanFacts()
