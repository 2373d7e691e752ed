"""A payload with any field missing, or of another kind, ends well."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.toolbox import VERA
from tests.unit.hostile.door import (
    JUNK,
    OBJECTS,
    UNHURRIED,
    changes_nothing,
    places,
    press,
    replaced,
    slash,
    without,
)

SAMPLES = {
    "command": slash("status", VERA.user),
    "button": press("command:status", "failed order-provisioning", VERA.user),
    "menu": press("command_menu:job", "job order-provisioning w0", VERA.user, menu=True),
    "plan": press("plan_confirm", "0" * 12, VERA.user),
    "link": press("link", "", VERA.user),
}


@pytest.mark.parametrize("sample", SAMPLES)
def test_any_field_may_be_missing(runner, door, sample):
    for path, _ in places(SAMPLES[sample]):
        status, answers = runner.run(changes_nothing(door, without(SAMPLES[sample], path)))
        assert len(answers) == (status == 200 and sample != "link"), path


@UNHURRIED
@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_any_field_may_be_of_any_kind(runner, door, sample, data):
    body = SAMPLES[sample]
    path, was = data.draw(st.sampled_from(list(places(body))), label="place")
    junk = data.draw(OBJECTS if isinstance(was, dict) else JUNK, label="junk")
    _, answers = runner.run(changes_nothing(door, replaced(body, path, junk)))
    assert len(answers) <= 1
