"""Runs operations: resumes what a crash left, stops when told, and tells how it ended.

An operation is run again from its start whenever a replica takes it up; its done set makes that
harmless, and is where its total comes from.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from secrets import token_hex
from typing import Final

import structlog

from bot.domain.jobs import BatchOutcome
from bot.domain.operations import Operation, Phase, Tally
from bot.domain.pacing import Pace
from bot.domain.plans import Plan, PlanStatus
from bot.domain.times import Ms
from bot.errors import (
    HandedOverError,
    RefusedError,
    SalesforceRefusedError,
    UnavailableError,
)
from bot.services.operations.base import READ_ONLY, Counting, Executor, Finisher, Throttle
from bot.services.operations.ending import Ending
from bot.services.operations.later import left_of
from bot.services.operations.record import OvertakenError, Record
from bot.services.operations.screen import Screen
from bot.services.operations.tools import Tools
from bot.tasks import cancelled

_log = structlog.get_logger(__name__)
AT_ONCE: Final = 8
"""Operations of one replica that change jobs at the same time; those that watch are not counted."""
REPEATS: Final = 3
"""How often what a failover took back is done again."""
SAVE_EVERY: Final = 1.0
"""Seconds between two times the progress is stored."""
_BEGUN: Final = (PlanStatus.RUNNING, PlanStatus.TRIED, PlanStatus.DONE)
PATIENCE: Final = 60.0
"""Seconds without progress for which a source that does not answer is waited for."""


class Runner:
    """Carries out one operation after another, or several at once."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def run(self, plan_id: str, leave: asyncio.Event) -> None:
        """Carry a plan out, from wherever it is, to its end.

        Raises:
            HandedOverError: the process ends; another goes on.
            RedisUnavailableError: Bullhorn's own Redis does not answer; try again.
        """
        tools = self._tools
        plan = await tools.plans.get(plan_id)
        if plan is None or plan.status not in _BEGUN:
            return
        run = token_hex(4)
        operation = await tools.operations.take(plan_id, run)
        if operation is None or operation.attempt != plan.attempt:
            kept = operation.message if operation else None
            operation = Operation(id=plan_id, attempt=plan.attempt, run=run, message=kept)
        if operation.phase is Phase.ENDED:
            return
        record = Record(plan=plan, operation=operation, store=tools.operations)
        screen = Screen(
            record, messenger=tools.messenger, writer=tools.writer, now=tools.reader.now
        )
        try:
            await _Run(tools, record, screen, leave, self._turns).go()
        except OvertakenError:
            _log.warning("another replica runs this operation now", plan=plan_id)


class _Run:
    """One operation, here and now."""

    def __init__(
        self,
        tools: Tools,
        record: Record,
        screen: Screen,
        leave: asyncio.Event,
        turns: asyncio.Semaphore,
    ) -> None:
        self._turns = turns
        self._tools = tools
        self._record = record
        self._screen = screen
        self._leave = leave
        self._ending = Ending(tools, record)
        self._saved_at = 0.0
        self._own_total = False
        self._repeats = REPEATS

    async def go(self) -> None:
        """From where it is to its end."""
        record, now = self._record, await self._tools.reader.now()
        record.set(began_at=record.operation.began_at or now)
        await record.save()
        self._screen.start()
        try:
            if record.operation.phase is not Phase.TELLING:
                await self._work()
                now = await self._tools.reader.now()
                await record.save(ended_at=now, phase=Phase.TELLING)
        except BaseException:
            await self._screen.close()
            raise
        await self._screen.close(self._leave)
        await self._ending.tell()
        await record.save(phase=Phase.ENDED)
        if record.plan.status is not PlanStatus.TRIED:
            await self._ending.forget()

    async def _work(self) -> None:
        """All batches, and then how the jobs end."""
        record = self._record
        watcher = self._tools.watchers.get(record.plan.kind)
        listening = asyncio.ensure_future(watcher.listen(record)) if watcher else None
        try:
            if record.plan.status is PlanStatus.RUNNING:
                await record.save(phase=Phase.WAITING, stopped="", stopped_by=None)
                await self._wait_for_its_time()
                await record.save(phase=Phase.RUNNING, began_at=await self._begun())
                await self._carry_out()
                await self._ending.conclude()
            # as it was told, also where it ended in a process that has died since
            record.set(tally=replace(record.operation.tally, done=record.plan.done))
            if watcher is not None and record.operation.tally.done:
                await record.save(phase=Phase.WATCHING)
                record.set(receipt=await watcher.watch(record, self._leave))
        finally:
            if listening is not None:
                await cancelled(listening)

    async def _begun(self) -> Ms:
        """When it began: now, unless a process that has died since had begun it."""
        began, plan = self._record.operation.began_at, self._record.plan
        if began is not None and began >= (plan.begin_at or 0):
            return began
        return await self._tools.reader.now()

    async def _wait_for_its_time(self) -> None:
        """One for later is shown from now on, and can be stopped."""
        begin_at = self._record.plan.begin_at
        if begin_at is not None:
            await self._wait((begin_at - await self._tools.reader.now()) / 1000)

    async def _carry_out(self) -> None:
        """All batches; a source that goes away is waited for, and the rest done then."""
        quiet_since: float | None = None
        pause = 1.0
        while True:
            before = self._record.operation.tally.done
            try:
                await self._batches()
                if await self._lost_some():
                    continue
            except (RefusedError, SalesforceRefusedError) as error:
                done = error.done if isinstance(error.done, BatchOutcome) else BatchOutcome()
                tally = self._record.operation.tally.plus(done)
                self._record.set(stopped=str(error), tally=tally)
            except UnavailableError as error:
                now = self._tools.monotonic()
                if quiet_since is None or self._record.operation.tally.done > before:
                    quiet_since, pause = now, 1.0
                if now - quiet_since < PATIENCE and not await self._stop_asked():
                    self._record.set(
                        notice=f"{str(error).partition('. ')[0].rstrip('.')}. Trying again"
                    )
                    await self._wait(pause)
                    pause = min(2 * pause, 8.0)
                    continue
                self._record.set(stopped=str(error))
            except (HandedOverError, OvertakenError):
                raise
            except Exception:  # noqa: BLE001 - told to the person, and the log has the rest
                # trying again would end the same: it is told, and the log has the rest
                ref = token_hex(2)
                _log.exception("an operation went wrong", plan=self._record.plan.id, ref=ref)
                self._record.set(stopped=f"Something unexpected went wrong (ref {ref})")
            return

    async def _lost_some(self) -> bool:
        """Whether a failover took back what was done: jobs and done set go together; then again.

        Not more often than a few times, and not where the executor counts in its own way.
        """
        plan, tally = self._record.plan, self._record.operation.tally
        if self._record.operation.stopped or self._own_total or not self._repeats:
            return False
        self._repeats -= 1
        return await self._tools.done.count(plan.queue, plan.id) < tally.done

    async def _batches(self) -> None:
        tools, record, plan = self._tools, self._record, self._record.plan
        pace = Pace(slow=tools.catalog.slow_batch / 1000, rate=plan.rate)
        throttle = Throttle(pace)
        executor = tools.executors[plan.kind]
        self._own_total = isinstance(executor, Counting)
        if isinstance(executor, Counting):
            record.set(tally=Tally(done=await executor.counted(plan)))
        else:
            record.set(tally=Tally(done=await tools.done.count(plan.queue, plan.id)))
        if await self._stop_asked():
            await self._finish(executor)
            return
        plan, said = await self._left()
        if said and not plan.count:
            return
        steps = executor.steps(plan, throttle)
        while True:
            try:
                async with self._turns:
                    began = tools.monotonic()
                    step = await anext(steps)
                    took = tools.monotonic() - began
            except StopAsyncIteration:
                return
            if not step.asked:
                throttle.pace = throttle.pace.after(took)
            if step.note:
                record.set(note="; ".join(filter(None, (said, step.note))))
            tally = record.operation.tally.plus(step.outcome)
            await self._progress(tally if step.total is None else replace(tally, done=step.total))
            record.set(notice=step.notice)
            if await self._stop_asked():
                await self._finish(executor)
                return
            rest = throttle.pace.rest(len(step.outcome.done), took)
            await self._wait(max(step.wait, rest))

    async def _finish(self, executor: Executor) -> None:
        """Leave nothing half done where it is stopped."""
        if isinstance(executor, Finisher):
            record = self._record
            outcome = await executor.finish(record.plan)
            record.set(tally=record.operation.tally.plus(outcome))

    async def _left(self) -> tuple[Plan, str]:
        """What is carried out: all but what others have done since it was asked; which that is.

        A try of a few tells nothing of it while there are enough: it is of the whole plan.
        """
        record = self._record
        plan, overtaken = await left_of(record.plan, self._tools.planners)
        if 0 < plan.canary <= plan.count:
            return plan, ""
        said = "; ".join(overtaken.said)
        if said:
            out = BatchOutcome(left_out=len(overtaken.jobs))
            record.set(tally=record.operation.tally.plus(out), note=said)
        return plan, said

    async def _progress(self, tally: Tally) -> None:
        """Know how far it is, and store that now and then."""
        now = await self._tools.reader.now()
        self._record.operation = self._record.operation.at(tally, now)
        if self._tools.monotonic() - self._saved_at >= SAVE_EVERY:
            self._saved_at = self._tools.monotonic()
            await self._record.save()

    async def _stop_asked(self) -> bool:
        if self._tools.catalog.read_only:
            self._record.set(stopped=READ_ONLY)
            return True
        plan = self._record.plan
        who = await self._tools.operations.stop_asked(plan.id, plan.attempt)
        if who is not None:
            self._record.set(stopped="stopped", stopped_by=who)
        return who is not None

    async def _wait(self, seconds: float) -> None:
        """Wait, a second at a time, until someone asks to stop; give it up if the process ends."""
        until = self._tools.monotonic() + seconds
        while True:
            if self._leave.is_set():
                raise HandedOverError
            left = until - self._tools.monotonic()
            if left <= 0:
                return
            try:
                async with asyncio.timeout(min(1.0, left)):
                    await self._leave.wait()
            except TimeoutError:
                if await self._stop_asked():
                    return
