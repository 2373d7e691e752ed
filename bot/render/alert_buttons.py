"""The buttons under an alert: each in a place of its own.

An alert is edited while people reach for it, so no press may land on another change. What looks
stands first and stays. Silence and Acknowledge end their row, so that nothing follows when they
leave; Retry and Unstick, which only show a plan, have the next row, and End silence the last one,
which is there only while neither Silence nor Acknowledge is.
"""

from __future__ import annotations

from bot.domain.incidents import Incident
from bot.domain.jobs import FailureGroup
from bot.domain.policy import QueuePolicy, Retryable
from bot.render.kit import Block, Element, actions, button, confirm
from bot.render.reasons import about, label
from bot.render.typed import typed
from bot.render.words import as_option, number

_RETRIES = 2
_SPIKE = "failure_spike"


def rows(
    incident: Incident, address: str, policy: QueuePolicy, *, acts: bool = True
) -> list[Block | None]:
    """The rows of an alert's buttons; of a resolved one only what looks at jobs that may remain.

    Without `acts` nothing may be changed from the alert, and only what looks is there.
    """
    look = _look(incident, address)
    if not incident.firing:
        remain = incident.family == _SPIKE or bool(incident.facts.groups)
        return [actions(*look)] if remain else []
    if not acts:
        return [actions(*look)]
    quiet = incident.silenced_by is not None
    return [
        actions(
            *look,
            None if quiet else silence(address, incident.family),
            None if quiet or incident.acknowledged else acknowledge(incident),
        ),
        actions(*_repairs(incident, address, policy)),
        actions(_end_silence(incident.silenced_by)) if incident.silenced_by is not None else None,
    ]


def silence(address: str, family: str) -> Element | None:
    """Silence for an hour, after asking: it concerns everyone."""
    about_it = f"{family.replace('_', ' ')} of {address}"
    return button(
        "Silence 1 h",
        typed("silence", address, family, "1h"),
        confirm=confirm(
            "Silence for 1 h?",
            f"No alerts of {about_it[:150]} for 1 h, for everyone.",
            "Silence 1 h",
            style="primary",
        ),
    )


def acknowledge(incident: Incident) -> Element | None:
    """Take it on."""
    return button("Acknowledge", typed("ack", str(incident.number)))


def _end_silence(silence_id: str) -> Element | None:
    """Asks too: on a phone it may come to stand where Silence was."""
    ask = confirm(
        "End the silence?", "What it covers alerts again, for everyone.", "End it", style="primary"
    )
    return button("End silence", typed("unsilence", silence_id), confirm=ask)


def _look(incident: Incident, address: str) -> list[Element | None]:
    jobs = incident.facts.jobs
    first = button("Failed jobs", typed("failed", address))
    if incident.family == "job_timeout":
        first = (
            button(f"Show job {jobs[0].id[:40]}", typed("job", address, jobs[0].id))
            if jobs
            else None
        )
    return [first, button("Status", typed("status", address))]


def _repairs(incident: Incident, address: str, policy: QueuePolicy) -> list[Element | None]:
    if incident.facts.lost:
        return [button("Unstick\u2026", typed("unstick", address), style="primary")]
    return [
        _retry(group, incident, address, policy)
        for group in incident.facts.groups
        if policy.error(group.code).retryable is Retryable.YES
    ][:_RETRIES]


def _retry(
    group: FailureGroup, incident: Incident, address: str, policy: QueuePolicy
) -> Element | None:
    """Propose to retry the jobs that were counted: those that failed within the window."""
    since = as_option(incident.window) if incident.window else None
    name = label(group.code, policy)
    command = about("retry", address, group.code, policy, since=since)
    return button(f"Retry {number(group.count)} {name}\u2026", command, style="primary")
