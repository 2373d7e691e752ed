"""Queues, jobs and incidents for messages: 03:12 UTC on 15 January 2026, in trouble."""

from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from bot.domain.incidents import Facts, Happening, Incident, TimelineEntry
from bot.domain.jobs import FailedJob, FailureFilter, FailureGroup, FailureReport, JobDetail
from bot.domain.plans import PLAN_LIFETIME, Plan, PlanGroup
from bot.domain.policy import Catalog, ErrorPolicy, QueuePolicy, Retryable, RuleSettings, Severity
from bot.domain.queues import QueueId
from bot.domain.sample import ActiveJob, Counts, Sample
from bot.domain.times import MINUTE, SECOND

NOW = int(datetime(2026, 1, 15, 3, 12, tzinfo=UTC).timestamp() * 1000)
ORDERS = QueueId("main", "bull", "order-provisioning")
SIMS = QueueId("main", "bull", "sim-management")


def _errors(*errors: ErrorPolicy) -> MappingProxyType[str, ErrorPolicy]:
    return MappingProxyType({one.code: one for one in errors})


ORDER_POLICY = QueuePolicy(
    purpose="Order fulfilment after CS approval",
    retry_via="salesforce",
    bullmq=5,
    mention="S0ONCALL",
    links=MappingProxyType(
        {
            "Dashboard": "https://grafana.example/d/orders",
            "Runbook": "https://wiki.example/run?a=1&b=2",
        }
    ),
    rules=MappingProxyType({"backlog": RuleSettings(above=10, for_=5 * MINUTE)}),
    errors=_errors(
        ErrorPolicy(
            code="WHMCS_ERROR",
            cause="WHMCS API failure",
            resolution="Check WHMCS connectivity and logs",
            retryable=Retryable.YES,
        ),
        ErrorPolicy(
            code="MAPPING_ERROR",
            cause="Product mapping missing",
            resolution="Add `WH_Product_ID__c` to Product2 in Salesforce",
            retryable=Retryable.AFTER_FIX,
        ),
    ),
)
SIM_POLICY = QueuePolicy(
    purpose="Delayed SIM operations",
    redact=("simAccount",),
    min_gap=30 * MINUTE,
    errors=_errors(
        ErrorPolicy(
            code="OPERATION_CONFLICT",
            cause="Another operation pending",
            resolution="Wait for previous operation to complete",
            retryable=Retryable.AFTER_GAP,
        )
    ),
)
CATALOG = Catalog(
    default=QueuePolicy(),
    queues=MappingProxyType({"order-provisioning": ORDER_POLICY, "sim-management": SIM_POLICY}),
    channel="C0123",
)


def sample(queue: QueueId = ORDERS, **changes: Any) -> Sample:
    counts = Counts(waiting=63, active=3, completed=100, failed=204)
    made: dict[str, Any] = {
        "queue": queue,
        "taken_at": NOW,
        "counts": counts,
        "version": "bullmq:5.81.0",
        "oldest_waiting_at": NOW - 11 * MINUTE,
        "failed_in_day": 14,
        "workers": 2,
        "processing_p95": 3200,
    }
    return Sample(**{**made, **changes})


def sims(**changes: Any) -> Sample:
    made: dict[str, Any] = {
        "counts": Counts(waiting=4, delayed=12, completed=100),
        "failed_in_day": 0,
        "next_delayed_at": NOW + 3 * MINUTE,
        "oldest_waiting_at": NOW - 20 * SECOND,
        "workers": None,
    }
    return sample(SIMS, **{**made, **changes})


def incident(**changes: Any) -> Incident:
    made: dict[str, Any] = {
        "number": 118,
        "queue": ORDERS,
        "family": "backlog",
        "rule": "backlog_critical",
        "severity": Severity.CRITICAL,
        "began_at": NOW - 11 * MINUTE,
        "fired_at": NOW - 10 * MINUTE,
        "value": 63,
        "threshold": 50,
        "peak": 71,
        "facts": Facts(workers=0, active=0, last_progress=NOW - 9 * MINUTE, trend_per_min=4.2),
        "timeline": (
            TimelineEntry(
                at=NOW - 10 * MINUTE,
                what=Happening.FIRED,
                severity=Severity.WARNING,
                value=14,
                threshold=10,
            ),
            TimelineEntry(
                at=NOW - 3 * MINUTE,
                what=Happening.ESCALATED,
                severity=Severity.CRITICAL,
                value=52,
                threshold=50,
            ),
        ),
    }
    return Incident(**{**made, **changes})


def spike(**changes: Any) -> Incident:
    made: dict[str, Any] = {
        "number": 119,
        "family": "failure_spike",
        "rule": "failure_spike",
        "severity": Severity.WARNING,
        "value": 14,
        "threshold": 5,
        "peak": 14,
        "window": 15 * MINUTE,
        "facts": Facts(workers=2, active=3, groups=GROUPS),
        "timeline": (),
    }
    return incident(**{**made, **changes})


def timeout(**changes: Any) -> Incident:
    jobs = tuple(
        ActiveJob(
            id=str(4700 + index),
            name="provision",
            started_at=NOW - (index + 6) * MINUTE,
            attempt=index % 3 + 1,
            locked=index != 1,
        )
        for index in range(8)
    )
    made: dict[str, Any] = {
        "number": 120,
        "family": "job_timeout",
        "rule": "job_timeout",
        "severity": Severity.WARNING,
        "value": 13 * MINUTE,
        "threshold": 5 * MINUTE,
        "peak": 13 * MINUTE,
        "facts": Facts(workers=2, active=8, jobs=jobs),
        "timeline": (),
    }
    return incident(**{**made, **changes})


def down(**changes: Any) -> Incident:
    made: dict[str, Any] = {
        "number": 121,
        "family": "processor_down",
        "rule": "processor_down",
        "value": 12 * MINUTE,
        "threshold": 10 * MINUTE,
        "peak": 12 * MINUTE,
        "facts": Facts(workers=None, active=0, last_progress=NOW - 12 * MINUTE, backlog=34),
        "timeline": (),
    }
    return incident(**{**made, **changes})


def group(code: str, count: int, reason: str, *, first: int = 14, last: int = 1) -> FailureGroup:
    return FailureGroup(
        code=code,
        count=count,
        first_at=NOW - first * MINUTE,
        last_at=NOW - last * MINUTE,
        example_id="4711",
        example_reason=reason,
    )


GROUPS = (
    group("WHMCS_ERROR", 9, "WHMCS_ERROR: connect ETIMEDOUT"),
    group("MAPPING_ERROR", 4, "MAPPING_ERROR: no product for P-77", first=112, last=32),
    group(
        'Cannot read properties of undefined (reading "…")',
        1,
        "Cannot read properties of undefined (reading 'id')",
    ),
)


def report(**changes: Any) -> FailureReport:
    made: dict[str, Any] = {
        "queue": ORDERS,
        "taken_at": NOW,
        "groups": GROUPS,
        "total": 14,
        "kept": 14,
        "kept_limit": 500,
        "newest": NOW - MINUTE,
    }
    return FailureReport(**{**made, **changes})


def failed(index: int = 0, **changes: Any) -> FailedJob:
    made: dict[str, Any] = {
        "id": str(4711 + index),
        "name": "provision",
        "failed_at": NOW - (index + 1) * MINUTE,
        "reason": "WHMCS_ERROR: connect ETIMEDOUT 10.0.0.7:443",
        "code": "WHMCS_ERROR",
        "attempts_made": 3,
    }
    return FailedJob(**{**made, **changes})


def job(**changes: Any) -> JobDetail:
    made: dict[str, Any] = {
        "queue": ORDERS,
        "id": "4711",
        "name": "provision",
        "state": "failed",
        "data": {
            "sfOrderId": "8014x000000ABCDXYZ",
            "idempotencyKey": "8014x-1703123456789",
            "eventPayload": {"card": {"number": "4111111111111111"}, "apiToken": "tok-9f8e7d"},
        },
        "options": {"attempts": 3, "backoff": {"type": "exponential", "delay": 5000}},
        "attempts_made": 3,
        "attempts": 3,
        "created_at": NOW - 20 * MINUTE,
        "started_at": NOW - 2 * MINUTE,
        "finished_at": NOW - 2 * MINUTE + 1300,
        "failed_reason": "WHMCS_ERROR: connect ETIMEDOUT (token tok-9f8e7d)",
        "stacktrace": ("Error: WHMCS_ERROR\n    at call (/app/whmcs.ts:12:3)",),
        "log_count": 2,
    }
    return JobDetail(**{**made, **changes})


def plan(**changes: Any) -> Plan:
    made: dict[str, Any] = {
        "id": "p7f3a",
        "queue": ORDERS,
        "filter": FailureFilter(code="WHMCS_ERROR", until=NOW),
        "count": 9,
        "groups": (PlanGroup("WHMCS_ERROR", 9),),
        "asked_by": "U0BOB",
        "asked_at": NOW,
        "expires_at": NOW + PLAN_LIFETIME,
        "channel": "C0123",
    }
    return Plan(**{**made, **changes})
