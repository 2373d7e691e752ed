"""What an alert's first post says of who works on its queue."""

import asyncio
from dataclasses import replace

import pytest

from bot.domain.incidents import Facts, Happening
from bot.domain.sample import Counts, SampleRequest
from bot.services import first_look
from bot.services.first_look import as_it_is_now
from tests.support.fakes import ORDERS, PlainWriter
from tests.unit.services import notifying
from tests.unit.services.notifying import Scene, alerts, grown, thread

INCIDENT = replace(notifying.INCIDENT, facts=Facts(workers=3, active=2, backlog=12))


class HandsWriter(PlainWriter):
    """Tells who works on the queue."""

    def alert(self, incident, *, first):
        said = f"{incident.facts.workers} workers"
        return replace(super().alert(incident, first=first), text=said)


@pytest.fixture
async def queue(queues):
    """A tick has counted its three workers a moment ago."""
    queue = queues.add(ORDERS)
    queue.workers, queue.counts = 3, Counts(active=2)
    await queues.sample([SampleRequest(queue=ORDERS)])
    return queue


async def test_it_tells_the_workers_of_this_moment_and_leaves_the_rest(queues, queue):
    queue.workers, queue.paused, queue.counts = 0, True, Counts(active=1, waiting=50)
    seen = await as_it_is_now(queues, INCIDENT)
    facts = replace(INCIDENT.facts, workers=0, paused=True, active=1)
    assert seen == replace(INCIDENT, facts=facts)


async def test_a_source_that_does_not_answer_leaves_what_the_tick_saw(queues, queue):
    queues.down["main"] = "Redis does not answer"
    assert await as_it_is_now(queues, INCIDENT) == INCIDENT


async def test_a_source_that_is_slow_does_not_hold_up_an_alert(queues, monkeypatch):
    async def never(requests):
        await asyncio.Event().wait()

    monkeypatch.setattr(queues, "sample", never)
    monkeypatch.setattr(first_look, "LIMIT", 0.0)
    assert await as_it_is_now(queues, INCIDENT) == INCIDENT


async def test_only_the_first_post_of_an_alert_looks_anew(redis, queues, messenger, clock, queue):
    scene = Scene(redis, queues, messenger, clock)
    await scene.begin()
    scene.notifier._writer = HandsWriter()
    queue.workers = 0
    await scene.put(INCIDENT)
    await scene.passes(count=1)
    assert alerts(messenger) == ["0 workers"]
    await scene.put(grown(INCIDENT, Happening.ESCALATED))
    await scene.passes()
    assert (alerts(messenger), thread(messenger)) == (["3 workers"], ["escalated"])
