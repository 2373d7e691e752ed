"""The engine against a straightforward reading of Prometheus' `for`, over random series.

The reference knows nothing of memories: it looks at the whole series each time.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.times import MINUTE, SECOND
from tests.support.timelines import Timeline, tuned

STEPS = st.sampled_from([5, 15, 15, 15, 60, 120])
FORS = st.sampled_from([0, 15, 60, 300])


@dataclass(frozen=True)
class Look:
    """One evaluation: seconds since the start, and what is there to see."""

    at: int
    waiting: int
    failures: int = 0
    moved: bool = False
    held: bool = False


@st.composite
def looks(draw, *, waiting):
    seen, at = [], 0
    for _ in range(draw(st.integers(1, 40))):
        seen.append(
            Look(
                at=at,
                waiting=draw(waiting),
                failures=draw(st.sampled_from([0, 0, 0, 1, 2, 4])),
                moved=draw(st.sampled_from([False, False, False, True])),
                held=draw(st.sampled_from([False, False, False, False, True])),
            )
        )
        at += draw(STEPS)
    return seen


def held_for(series, place, condition, hold):
    """Whether `condition` held at every look from `hold` before the one at `place` up to it."""
    began = None
    for look in series[: place + 1]:
        if not condition(look):
            began = None
        elif began is None:
            began = look.at
    return began is not None and series[place].at - began >= hold


def runs(states):
    """How many times something began: the number of incidents there must be."""
    return sum(now and not before for before, now in zip([False, *states], states, strict=False))


@given(looks(waiting=st.sampled_from([0, 10, 11, 30, 50, 51, 90])), FORS, FORS, st.booleans())
def test_backlog_and_backlog_critical(series, hold, hold_critical, restarts):
    story = Timeline(
        restarts=restarts,
        backlog=tuned("backlog", for_=hold * SECOND),
        backlog_critical=tuned("backlog_critical", for_=hold_critical * SECOND),
    )
    fired, before = [], None
    for place, look in enumerate(series):
        warning = held_for(series, place, lambda one: one.waiting > 10, hold)
        critical = held_for(series, place, lambda one: one.waiting > 50, hold_critical)
        fired.append(warning or critical)
        expected = (
            {"firing backlog_critical critical"} if critical
            else {"firing backlog warning"} if warning
            else set()
        )  # fmt: skip
        if before and not fired[-1]:
            expected.add("resolved backlog")
        if look.waiting > 10 and not warning:
            expected.add("pending backlog")
        if look.waiting > 50 and not critical:
            expected.add("pending backlog_critical")
        story.at(f"{look.at}s", waiting=look.waiting).expect(*expected)
        before = fired[-1]
    assert len(story.incidents) == runs(fired)
    for incident in story.incidents.values():
        assert incident.peak >= max(entry.value for entry in incident.timeline)
        assert incident.revision == len(incident.timeline)


@given(looks(waiting=st.just(0)), st.sampled_from([60, 300]))
def test_failure_spike(series, within):
    settings = tuned("failure_spike", within=within * SECOND)
    story = Timeline(failure_spike=settings)
    for place, look in enumerate(series):
        recent = sum(
            one.failures for one in series[: place + 1]
            if one.at - one.at % 10 > look.at - within
        )  # fmt: skip
        story.at(f"{look.at}s", failures=look.failures)
        firing = "firing failure_spike warning" in story.state
        assert firing is (recent > 5)
        if firing:
            assert story.incident.value == recent


@given(looks(waiting=st.sampled_from([0, 1, 1, 1, 1, 1])), st.booleans())
def test_processor_down(series, restarts):
    story = Timeline(restarts=restarts, processor_down=tuned("processor_down", for_=5 * MINUTE))
    for place, look in enumerate(series):
        so_far = series[: place + 1]
        moved = [one.at for one in so_far if one.moved]
        held = [one.at for one in so_far if one.held]
        empty = [number for number, one in enumerate(so_far) if not one.waiting]
        filled = so_far[empty[-1] + 1 :] if empty else so_far
        # Without a backlog there is no `filled`, and nothing that could be down.
        since = max([*moved, *held, *(one.at for one in filled[:1])], default=look.at)
        down = bool(look.waiting) and not look.held and look.at - since >= 5 * 60
        story.at(
            f"{look.at}s", waiting=look.waiting, active=(), finished=look.moved, paused=look.held
        )
        assert ("firing processor_down critical" in story.state) is down
        if down:
            assert story.incident.value == (look.at - since) * SECOND
