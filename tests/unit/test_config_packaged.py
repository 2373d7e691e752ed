"""The packaged config is the runbook, and says the same numbers as the code's own defaults."""

import dataclasses

import yaml

from bot.config import PACKAGED, load_config
from bot.config.sections import (
    AccessSection,
    AuditSection,
    CountLimits,
    FileSection,
    HeartbeatSection,
    QueueSection,
    RuleSection,
    SalesforceSection,
    SourceSection,
    TimeLimits,
)
from bot.domain.policy import Catalog, HealthTable, QueuePolicy, Retryable, RuleSettings, Severity
from bot.domain.rules import RULES
from bot.domain.times import MINUTE, SECOND

CONFIG = load_config(None, environ={"REDIS_URL": "redis://h"})
CATALOG = CONFIG.catalog(default_attempts=3, backoff_delay=5000)


def test_the_thresholds_are_the_runbooks():
    warning, critical = Severity.WARNING, Severity.CRITICAL
    assert CATALOG.default.rules == {
        "backlog": RuleSettings(above=10, for_=5 * MINUTE, severity=warning),
        "backlog_critical": RuleSettings(above=50, for_=0, severity=critical),
        "failure_spike": RuleSettings(above=5, within=15 * MINUTE, severity=warning),
        "processor_down": RuleSettings(for_=10 * MINUTE, severity=critical),
        "job_timeout": RuleSettings(after=5 * MINUTE, severity=warning),
    }


def test_the_thresholds_are_the_rules_own_and_all_are_written_out():
    written = yaml.safe_load(PACKAGED.read_text("utf-8"))["alerts"]
    assert CATALOG.default.rules == {rule.name: rule.defaults for rule in RULES}
    assert {name: tuple(sorted(keys)) for name, keys in written.items()} == {
        rule.name: tuple(sorted(RuleSection.keys(rule.name))) for rule in RULES
    }


def test_the_health_table_is_the_runbooks():
    rows = [CATALOG.health.waiting, CATALOG.health.failed, CATALOG.health.processing]
    assert [(row.warning, row.critical, row.action) for row in rows] == [
        (10, 50, "Check processor status"),
        (5, 20, "Investigate failures"),
        (30 * SECOND, 60 * SECOND, "Check external dependencies"),
    ]
    assert CATALOG.health == HealthTable()


def test_the_two_queues_are_the_runbooks():
    assert CATALOG.named() == ("order-provisioning", "sim-management")
    orders, sims = CATALOG.policy("order-provisioning"), CATALOG.policy("sim-management")
    assert (orders.purpose, orders.retry_via) == (
        "Order fulfillment after CS approval",
        "salesforce",
    )
    assert sims.purpose == "Delayed SIM operations (network type changes)"
    assert (sims.retry_via, sims.redact, sims.min_gap) == ("bullmq", ("simAccount",), 30 * MINUTE)
    assert (orders.business_id, orders.subject_path) == ("sfOrderId", "sfOrderId")
    assert (sims.business_id, sims.subject_path) == (None, "simAccount")


def test_the_seven_codes_are_the_runbooks():
    fix = Retryable.AFTER_FIX
    found = [
        {code: (e.cause, e.resolution, e.retryable) for code, e in CATALOG.policy(q).errors.items()}
        for q in CATALOG.named()
    ]
    assert found == [
        {
            "PAYMENT_METHOD_MISSING": (
                "Customer has no payment method",
                "Customer must add payment method in WHMCS",
                fix,
            ),
            "ORDER_NOT_FOUND": (
                "Salesforce Order doesn't exist",
                "Check Order ID, verify not deleted",
                fix,
            ),
            "MAPPING_ERROR": (
                "Product mapping missing",
                "Add `WH_Product_ID__c` to Product2 in Salesforce",
                fix,
            ),
            "WHMCS_ERROR": (
                "WHMCS API failure",
                "Check WHMCS connectivity and logs",
                Retryable.YES,
            ),
        },
        {
            "FREEBIT_AUTH_FAILED": ("Freebit authentication error", "Check OEM credentials", fix),
            "ACCOUNT_NOT_FOUND": (
                "SIM account not found in Freebit",
                "Verify account identifier",
                fix,
            ),
            "OPERATION_CONFLICT": (
                "Another operation pending",
                "Wait for previous operation to complete",
                Retryable.AFTER_GAP,
            ),
        },
    ]


def test_the_rest_is_the_domains_default():
    default = Catalog(default=QueuePolicy())
    assert (CATALOG.discover, CATALOG.poll_interval) == (default.discover, default.poll_interval)
    assert CATALOG.prefixes == default.prefixes
    assert (CATALOG.channel, CONFIG.heartbeat, CONFIG.access().viewers) == (None, None, None)


def test_the_file_without_the_packaged_one_has_the_same_numbers(tmp_path):
    path = tmp_path / "own.yml"
    path.write_text("defaults: false")
    alone = load_config(path, environ={"REDIS_URL": "redis://h"})
    bare = dataclasses.replace(CATALOG, queues={})
    assert alone.catalog(default_attempts=3, backoff_delay=5000) == bare


def test_every_key_there_is_stands_in_the_reference():
    text = PACKAGED.read_text("utf-8")
    sections = (
        FileSection,
        SourceSection,
        HeartbeatSection,
        RuleSection,
        CountLimits,
        TimeLimits,
        AccessSection,
        AuditSection,
        QueueSection,
        SalesforceSection,
    )
    missing = [k for section in sections for k in section.keys("") if f"{k}:" not in text]
    assert missing == []


def test_a_rules_section_and_its_settings_have_the_same_fields():
    fields = {field.name for field in dataclasses.fields(RuleSettings)}
    assert set(RuleSection.model_fields) == fields
