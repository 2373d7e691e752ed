"""Figures for Prometheus. Names follow its conventions: base units, `_total` for counters."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bot.domain.incidents import Incident
from bot.domain.sample import Counts, SampleRound

_STATES = ("waiting", "paused_list", "prioritized", "active", "delayed", "overdue",
           "waiting_children", "completed", "failed", "backlog")  # fmt: skip


class PrometheusTelemetry:
    """Satisfies `ports.Telemetry`; `exposition` is what `/metrics` answers."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._jobs = _Jobs()
        registry.register(self._jobs)
        self._readable = Gauge(
            "bullhorn_source_up", "1 when the source's Redis could be read at the last tick.",
            ["source"], registry=registry,
        )  # fmt: skip
        self._ticks = Counter("bullhorn_ticks", "Ticks by result.", ["result"], registry=registry)
        self._tick_seconds = Histogram(
            "bullhorn_tick_seconds", "How long a tick took.", registry=registry,
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )  # fmt: skip
        self._tick_lag = Gauge(
            "bullhorn_tick_lag_seconds", "How late the last tick began.", registry=registry
        )
        self._alerts = Gauge(
            "bullhorn_alerts", "Open alerts.", ["rule", "severity", "state"], registry=registry
        )
        self._leader = Gauge("bullhorn_leader", "1 when this replica leads.", registry=registry)
        self._operations = Gauge(
            "bullhorn_operations", "Operations that this replica has in hand.", registry=registry
        )
        self._slack = Counter(
            "bullhorn_slack_calls", "Slack Web API calls.", ["method", "result"], registry=registry
        )
        self._requests = Counter(
            "bullhorn_slack_requests", "Requests from Slack in HTTP mode.", ["result"],
            registry=registry,
        )  # fmt: skip
        self._commands = Histogram(
            "bullhorn_command_seconds", "From a command or button to its answer.",
            ["command", "outcome"], registry=registry,
        )  # fmt: skip

    def tick(self, *, seconds: float, lag: float, result: str) -> None:
        """One tick took so long, and began so much later than planned (both in seconds)."""
        self._ticks.labels(result).inc()
        self._tick_seconds.observe(seconds)
        self._tick_lag.set(lag)

    def observe_round(self, round_: SampleRound) -> None:
        """Per queue and state counts; queues that are gone vanish from the page."""
        self._jobs.round_ = round_
        sources = {queue.source for queue in round_.samples} | set(round_.unreachable)
        for source in sources:
            self._readable.labels(source).set(0 if source in round_.unreachable else 1)

    def alerts(self, incidents: Sequence[Incident]) -> None:
        """Open alerts by rule, severity and state."""
        self._alerts.clear()
        tally = Tally((i.rule, i.severity.value, _state(i)) for i in incidents)
        for labels, count in tally.items():
            self._alerts.labels(*labels).set(count)

    def leading(self, leads: bool) -> None:
        """Whether this replica leads."""
        self._leader.set(1 if leads else 0)
        if not leads:
            # What this replica saw when it led is not what is.
            self._alerts.clear()
            self._jobs.round_ = None

    def operations(self, held: Callable[[], int]) -> None:
        """Ask this, whenever the page is made, how many operations this replica has in hand."""
        self._operations.set_function(held)

    def command(self, *, name: str, seconds: float, outcome: str) -> None:
        """A command or button was answered."""
        self._commands.labels(name, outcome).observe(seconds)

    def slack_call(self, method: str, result: str) -> None:
        """One Slack call ended."""
        self._slack.labels(method, result).inc()

    def slack_request(self, result: str) -> None:
        """One request in HTTP mode was taken or refused."""
        self._requests.labels(result).inc()

    def exposition(self) -> bytes:
        """The page."""
        return generate_latest(self._registry)


class _Jobs(Collector):
    """The series of the last round, made when they are asked for: many, and seldom read."""

    def __init__(self) -> None:
        self.round_: SampleRound | None = None

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One series a queue and state."""
        family = GaugeMetricFamily(
            "bullhorn_queue_jobs", "Jobs in a queue by state.", labels=["source", "queue", "state"]
        )
        samples = self.round_.samples if self.round_ is not None else {}
        for queue, sample in samples.items():
            for state in _STATES:
                labels = [queue.source, queue.name, state]
                family.add_metric(labels, _count(sample.counts, state))
        yield family


def _count(counts: Counts, state: str) -> int:
    value: int = getattr(counts, state)
    return value


def _state(incident: Incident) -> str:
    if incident.silenced_by:
        return "silenced"
    return "acknowledged" if incident.acknowledged else "firing"
