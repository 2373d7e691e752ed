"""Who works on a queue at the moment of an alert's first post: whoever is called acts on that."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

import structlog

from bot.domain.incidents import Incident
from bot.domain.sample import SampleRequest
from bot.ports import QueueReader

_log = structlog.get_logger(__name__)
LIMIT: Final = 1.0
"""Seconds it may take; after that the alert goes out with what the tick saw."""


async def as_it_is_now(reader: QueueReader, incident: Incident) -> Incident:
    """The incident with the workers, the pause and the active jobs of this moment.

    A tick's count of the workers may be old, and so may the tick, where posts wait their turn. What
    cannot be seen in time stays as it was stored: an alert is never held up for this.
    """
    queue = incident.queue
    try:
        async with asyncio.timeout(LIMIT):
            round_ = await reader.sample([SampleRequest(queue=queue, anew=True)])
    except TimeoutError:
        _log.warning("posted with what the last tick saw", incident=incident.number)
        return incident
    seen = round_.samples.get(queue)
    if seen is None:
        return incident
    facts = replace(
        incident.facts,
        workers=seen.workers,
        more_workers=seen.more_workers,
        paused=seen.paused,
        active=seen.counts.active,
    )
    return replace(incident, facts=facts)
