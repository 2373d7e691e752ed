"""Whatever a file holds, it is a config or one line about what is wrong; never anything else."""

import tempfile
from pathlib import Path

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.config import load_config
from bot.config.sections import (
    AccessSection,
    ErrorSection,
    FileSection,
    HealthSection,
    HeartbeatSection,
    QueueSection,
    RuleSection,
    SourceSection,
)
from bot.domain.policy import QueuePolicy
from bot.domain.rules import RULES
from bot.errors import ConfigError

SECTIONS = (
    AccessSection,
    ErrorSection,
    FileSection,
    HealthSection,
    HeartbeatSection,
    QueueSection,
    RuleSection,
    SourceSection,
)
KEYS = [k for section in SECTIONS for k in section.keys("")] + [rule.name for rule in RULES]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.binary(max_size=5),
    st.text(max_size=20),
    st.sampled_from(["5m", "0s", "C1", "U1", "bull", "warning", "${X}", "https://x", "redis://h"]),
)
NAMES = st.one_of(st.sampled_from(KEYS), st.text(max_size=5), st.integers(), st.booleans())
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=20,
)
MAPPINGS = st.dictionaries(st.sampled_from(FileSection.keys("")), JUNK, max_size=4)
RULE = st.dictionaries(st.sampled_from(RuleSection.keys("")), SCALARS, max_size=3)
RULES_ = st.dictionaries(st.sampled_from([rule.name for rule in RULES]), RULE, max_size=3)
QUEUES = st.dictionaries(
    st.sampled_from(["order-provisioning", "sim-*", "*", "[", "mail"]),
    st.one_of(st.none(), st.fixed_dictionaries({"alerts": RULES_}), JUNK),
    max_size=3,
)
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NEARLY = st.fixed_dictionaries({"alerts": RULES_, "queues": QUEUES})


def outcome(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bullhorn.yml"
        path.write_bytes(content)
        try:
            config = load_config(path, environ={"REDIS_URL": "redis://h"})
        except ConfigError as error:
            return str(error)
    config.access()
    return config.catalog(default_attempts=3, backoff_delay=5000).policy("sim-management")


def is_right(found):
    if isinstance(found, QueuePolicy):
        return len(found.rules) == len(RULES)
    return found.isprintable() and found != ""


@UNHURRIED
@given(st.one_of(JUNK, MAPPINGS, NEARLY))
def test_any_nested_junk(junk):
    content = yaml.safe_dump(junk, allow_unicode=True).encode()
    assert is_right(outcome(content))


@UNHURRIED
@given(
    st.text(alphabet="ab:-[]{}#&*!|>'\"%@`, \t\n<=~?019.x_\\u0\x00\x85\u2028\ud7ff", max_size=40)
)
def test_any_text_that_looks_like_yaml(text):
    assert is_right(outcome(text.encode()))


@UNHURRIED
@given(st.binary(max_size=40))
def test_any_bytes(content):
    assert is_right(outcome(content))
