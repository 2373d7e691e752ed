"""A file laid over the packaged one, queues over patterns, and what the domain gets of it."""

from pathlib import Path

import pytest

from bot.config import load_config
from bot.domain.access import Role
from bot.domain.policy import HealthLimits, Retryable, RuleSettings, Severity
from bot.domain.queues import QueueId
from bot.domain.rules import RULES
from bot.domain.times import HOUR, MINUTE, SECOND

ENVIRON = {"REDIS_URL": "redis://:hunter2@redis:6379/0", "ORDERS": "rediss://orders", "TOKEN": "t0"}

DESIGN = """\
sources:                       # default: one source "main" from REDIS_URL
  main: {url: "${REDIS_URL}", prefix: bull}
discover: true                 # queues found in Redis but not named here are watched too
channel: C0123                 # where alerts go unless a queue says otherwise (id or #name)
poll_interval: 15s
alerts:                        # for every queue; a queue's own `alerts` overrides key by key
  backlog:          {above: 10, for: 5m, severity: warning}
  backlog_critical: {above: 50, for: 0s, severity: critical}
  failure_spike:    {above: 5, within: 15m, severity: warning}
  processor_down:   {for: 10m, severity: critical}
  job_timeout:      {after: 5m, severity: warning}
health:                        # the table in `status`
  waiting:    {warning: 10, critical: 50, action: Check processor status}
  failed:     {warning: 5, critical: 20, action: Investigate failures}             # failed in
  processing: {warning: 30s, critical: 60s, action: Check external dependencies}   # p95 of
access:
  viewers: everyone            # or a list of user and user-group ids
  operators: []                # retry, promote, pause, clean; empty means nobody
  admins: []                   # drain, obliterate
queues:
  order-provisioning:
    purpose: Order fulfilment after CS approval
    channel: C0456
    retry_via: salesforce      # or bullmq (default)
    bullmq: 5                  # major version, where meta.version is missing or mixed
    mention: S0ONCALL          # named in the first post of a critical alert
    links: {Dashboard: "https://grafana.example/d/orders"}
    alerts: {backlog: {above: 25}}
    errors:
      MAPPING_ERROR: {cause: Product mapping missing, resolution: "Add `WH_Product_ID__c` to \
Product2 in Salesforce", retryable: false}
                               # retryable: true; false: only after the cause is fixed
  sim-management:
    redact: [simAccount]       # keys of job data that are masked
    min_gap: 30m               # least time between two tries of the same subject
"""


@pytest.fixture
def load(tmp_path):
    def load(text):
        path = tmp_path / "bullhorn.yml"
        path.write_text(text, encoding="utf-8")
        return load_config(path, environ=ENVIRON)

    return load


@pytest.fixture
def catalog(load):
    return lambda text: load(text).catalog(default_attempts=3, backoff_delay=5000)


def test_the_designs_example_loads_as_written(load):
    config = load(DESIGN)
    assert config.channel == "C0123"
    assert config.sources["main"].url.get_secret_value() == ENVIRON["REDIS_URL"]
    orders = config.catalog(default_attempts=3, backoff_delay=5000).policy("order-provisioning")
    assert (orders.channel, orders.mention, orders.bullmq) == ("C0456", "S0ONCALL", 5)
    assert orders.purpose == "Order fulfilment after CS approval"
    assert orders.retry_via == "salesforce"
    assert orders.links == {"Dashboard": "https://grafana.example/d/orders"}
    assert orders.rules["backlog"].above == 25
    assert orders.error("WHMCS_ERROR").retryable is Retryable.YES


@pytest.mark.parametrize("text", ["", "\n# nothing\n", "{}", "alerts:\nqueues:\n", "\ufeff{}"])
def test_a_file_that_says_nothing_leaves_the_packaged_config(catalog, text):
    packaged = load_config(None, environ=ENVIRON)
    assert catalog(text) == packaged.catalog(default_attempts=3, backoff_delay=5000)


def test_global_alerts_lie_over_the_rules_and_a_queues_own_over_both(catalog):
    found = catalog(
        "alerts: {backlog: {for: 1m, severity: critical}}\n"
        "queues: {mail: {alerts: {backlog: {above: 99}}}}"
    )
    assert found.default.rules["backlog"] == RuleSettings(
        above=10, for_=MINUTE, severity=Severity.CRITICAL
    )
    assert found.policy("mail").rules["backlog"] == RuleSettings(
        above=99, for_=MINUTE, severity=Severity.CRITICAL
    )
    assert found.policy("order-provisioning").rules["backlog"].for_ == MINUTE
    assert found.policy("mail").rules["job_timeout"].after == 5 * MINUTE


def test_every_policy_has_every_rule(catalog):
    found = catalog("queues: {mail: , 'sim-*': {}}")
    names = [rule.name for rule in RULES]
    assert [list(p.rules) for p in (found.default, *found.queues.values())] == [names] * 5


def test_queues_and_their_errors_are_laid_over_by_name(catalog):
    found = catalog(
        "queues:\n"
        "  sim-management:\n"
        "    errors:\n"
        "      OPERATION_CONFLICT: {retryable: unknown}\n"
        "      TIMEOUT: {cause: Slow}\n"
    )
    sims = found.policy("sim-management")
    assert (sims.redact, sims.min_gap) == (("simAccount",), 30 * MINUTE)
    assert sims.error("OPERATION_CONFLICT").cause == "Another operation pending"
    assert sims.error("OPERATION_CONFLICT").retryable is Retryable.UNKNOWN
    assert sims.error("TIMEOUT").retryable is Retryable.UNKNOWN
    assert sims.error("ACCOUNT_NOT_FOUND").retryable is Retryable.AFTER_FIX


def test_a_list_replaces_a_list(catalog):
    assert catalog("queues: {sim-management: {redact: []}}").policy("sim-management").redact == ()


def test_defaults_false_leaves_the_numbers_only(catalog):
    found = catalog("defaults: false\nhealth: {failed: {warning: 1}}\nqueues: {mail: {}}")
    assert found.named() == ("mail",)
    assert found.default.rules == {rule.name: rule.defaults for rule in RULES}
    assert found.health.failed == HealthLimits(
        warning=1, critical=20, action="Investigate failures"
    )


def test_an_exact_name_lies_over_the_first_pattern_that_matches_it(catalog):
    found = catalog(
        "queues:\n"
        "  'sim-*': {channel: C1, min_gap: 1h, alerts: {backlog: {above: 7, for: 1m}}}\n"
        "  '*': {channel: C2}\n"
        "  sim-swap: {alerts: {backlog: {above: 8}}}\n"
    )
    assert found.policy("sim-other").channel == "C1"
    assert found.policy("sim-other").min_gap == HOUR
    assert found.policy("sim-management").channel == "C1"
    assert found.policy("sim-management").min_gap == 30 * MINUTE
    assert found.policy("sim-swap").rules["backlog"].above == 8
    assert found.policy("sim-swap").rules["backlog"].for_ == MINUTE
    assert found.policy("order-provisioning").channel == "C2"
    assert found.policy("mail").channel == "C2"
    assert found.named() == ("order-provisioning", "sim-management", "sim-swap")


def test_a_named_queue_is_watched_where_discovery_is_off(catalog):
    found = catalog("discover: false\nqueues: {mail: }")
    assert found.watches(QueueId("main", "bull", "mail"))
    assert not found.watches(QueueId("main", "bull", "other"))


def test_health_is_laid_over_value_by_value(catalog):
    health = catalog("health: {processing: {warning: 5s, action: Look}}").health
    assert health.processing == HealthLimits(warning=5 * SECOND, critical=MINUTE, action="Look")
    assert health.waiting.warning == 10


def test_own_sources_replace_the_default_one(load):
    config = load(
        "sources: {orders: {url: '${ORDERS}/1', prefix: '{b}'}, other: {url: 'redis://:hunter2@h'}}"
    )
    assert config.sources["orders"].url.get_secret_value() == "rediss://orders/1"
    assert list(config.sources) == ["orders", "other"]
    assert config.catalog(default_attempts=3, backoff_delay=5000).prefixes == {
        "orders": "{b}",
        "other": "bull",
    }
    assert "hunter2" not in repr(config)


def test_placeholders_count_in_any_case_as_the_settings_do(tmp_path):
    config = load_config(None, environ={"redis_url": " redis://h "})
    assert config.sources["main"].url.get_secret_value() == "redis://h"


def test_the_heartbeat(load):
    assert load("").heartbeat is None
    assert load("heartbeat: {}").heartbeat is None
    heartbeat = load("heartbeat: {url: 'https://hc.example/${TOKEN}'}").heartbeat
    assert heartbeat.url.get_secret_value() == "https://hc.example/t0"
    assert heartbeat.every == MINUTE
    assert "t0" not in repr(heartbeat)


def test_the_two_numbers_of_the_environment_are_handed_on(load):
    found = load("poll_interval: 2s").catalog(default_attempts=4, backoff_delay=1000)
    assert (found.default_attempts, found.backoff_delay, found.poll_interval) == (4, 1000, 2000)


def test_access(load):
    access = load("access: {viewers: [W1, S1], operators: [U2], admins: [S2]}").access()
    assert access.groups() == {"S1", "S2"}
    assert access.role_of("W1", frozenset()) is Role.VIEWER
    assert access.role_of("U9", frozenset({"S2"})) is Role.ADMIN
    assert access.role_of("U9", frozenset()) is Role.NOBODY
    assert load("").access().role_of("U9", frozenset()) is Role.VIEWER


def test_json_is_taken_with_tabs_and_escapes(load):
    config = load(
        '{\n\t"channel": "#inc",\n\t"queues": {"\\ud83d\\ude00": {"purpose": "a\\/b"}}\n}'
    )
    assert config.channel == "#inc"
    found = config.catalog(default_attempts=3, backoff_delay=5000)
    assert found.policy("\N{GRINNING FACE}").purpose == "a/b"


def test_merge_keys_dates_and_numbers_as_names(catalog):
    found = catalog(
        "queues:\n"
        "  one: &base {purpose: 2024-13-45, bullmq: 4}\n"
        "  2: {<<: *base, bullmq: 5}\n"
        "  on: {<<: [{bullmq: 3}, *base]}\n"
    )
    assert found.policy("2").purpose == "2024-13-45"
    assert [found.policy(name).bullmq for name in ("one", "2", "on")] == [4, 5, 3]


def test_channel_with_a_real_comment_is_left_out(load):
    assert load("channel:   # where alerts go\n").channel is None


def test_the_demos_file_loads():
    demo = Path(__file__).parents[2] / "bot" / "demo" / "workload" / "demo.yml"
    assert load_config(demo, environ=ENVIRON).poll_interval == 2 * SECOND


ACCESS = """\
access:
  viewers: [U0VERA]
  operators: [S0ONCALL]
  admins: [U0ALICE]
queues:
  orders: {access: {operators: [U0CARL]}}
  payroll-*: {access: {viewers: [U0PAM], operators: [], admins: []}}
  payroll-test: {access: {viewers: everyone, channels: [C0TEST]}}
  mail: {purpose: letters}
"""


def test_a_queues_own_access_counts_key_by_key(catalog):
    found = catalog(ACCESS)
    assert found.access.operators == {"S0ONCALL"}
    orders = found.access_to("orders")
    assert (orders.operators, orders.admins) == ({"U0CARL"}, {"U0ALICE"})
    assert orders.viewers == {"U0VERA", "S0ONCALL", "U0ALICE"}, "who may act elsewhere still looks"
    assert orders.channels is None
    assert found.access_to("mail") is found.access_to("never-heard-of") is found.access


def test_a_pattern_gives_access_too_and_the_exact_name_is_laid_over_it(catalog):
    found = catalog(ACCESS)
    assert found.access_to("payroll-salaries").viewers == {"U0PAM"}
    test = found.access_to("payroll-test")
    assert (test.viewers, test.operators, test.channels) == (None, frozenset(), {"C0TEST"})


def test_where_other_admins_are_named_those_of_all_queues_still_operate(catalog):
    access = "access: {operators: [U1], admins: [U2]}\nqueues: {q: {access: {admins: [U3]}}}"
    own = catalog(access).access_to("q")
    assert (own.operators, own.admins) == ({"U1", "U2"}, {"U3"})


def test_the_groups_of_every_queue_are_known(load):
    text = "access: {operators: [S1, U1]}\nqueues: {q: {access: {viewers: [S2], admins: [S3]}}}"
    assert load(text).groups() == {"S1", "S2", "S3"}


def test_read_only_and_the_channels_of_changes(catalog):
    assert not catalog("").read_only
    assert catalog("").access.channels is None
    found = catalog("access: {read_only: true, channels: [C0OPS]}")
    assert found.read_only
    assert found.access.channels == {"C0OPS"}


def test_how_much_of_the_audit_log_is_kept(load):
    assert load("").audit_kept == 10_000
    assert load("audit: {keep: 500}").audit_kept == 500
