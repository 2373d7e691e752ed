"""Batches that adapt to how long they take, and a rate that drips."""

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.pacing import LEAST, MOST, Pace


def test_a_slow_batch_halves_the_next():
    assert Pace(size=200, slow=0.05).after(0.051).size == 100


def test_it_never_falls_below_the_least():
    pace = Pace()
    for _ in range(20):
        pace = pace.after(1.0)
    assert pace.size == LEAST


def test_only_a_run_of_quick_ones_makes_it_larger():
    pace = Pace(size=100)
    for _ in range(3):
        pace = pace.after(0.01)
    assert pace.size == 100
    assert pace.after(0.01).size == 125


def test_one_slow_batch_ends_the_run():
    pace = Pace(size=100).after(0.01).after(0.01).after(0.01).after(0.2)
    assert (pace.size, pace.after(0.01).size) == (50, 50)


@given(st.lists(st.floats(min_value=0, max_value=2), max_size=200))
def test_it_stays_within_its_bounds(latencies):
    pace = Pace()
    for seconds in latencies:
        pace = pace.after(seconds)
        assert LEAST <= pace.size <= MOST


def test_a_rate_bounds_the_batch_and_says_how_long_to_rest():
    pace = Pace(rate=50)
    assert pace.batch == 25
    assert pace.rest(25, 0.1) == 0.4
    assert pace.rest(25, 2.0) == 0.0
    assert Pace(rate=0.5).batch == 1
    assert Pace().rest(500, 0.0) == 0.0
