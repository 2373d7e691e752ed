"""The notifier: makes Slack match the incidents, one step at a time, whatever was lost before.

A message is made when its turn has come, not when it was queued: it shows what is true then, or is
withdrawn. Each step that cannot be repeated harmlessly (a post) is written into the state first,
under the lease; if its outcome is unknown, because of a timeout or a crash, the message is looked
for by its metadata before another try. So nothing is posted twice and nothing is left out.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import structlog

from bot.domain.incidents import Happening, Incident
from bot.domain.message import Message, MessageRef, Tag, Urgency
from bot.domain.notices import Notice, Step, may_post, next_step, shown, urgency_of
from bot.domain.policy import Catalog
from bot.domain.state import WatchChanges, WatchState
from bot.domain.times import MINUTE, SECOND, Ms
from bot.errors import BullhornError, LostLeaseError, SlackRefusedError, SlackUnavailableError
from bot.ports import AlertWriter, Messenger, QueueReader, WatchStore
from bot.services.first_look import as_it_is_now
from bot.services.refusals import after_refusal
from bot.services.watch import Watch

_log = structlog.get_logger(__name__)
RETRY_AFTER: Ms = 5 * SECOND
MOST = 16
"""Incidents worked on at once."""
MOST_A_CHANNEL = 4
"""Incidents worked on at once in one channel, which takes about one post a second."""


class _WithdrawnError(BullhornError):
    """What was to be posted is not to be posted any more."""


class Notifier:
    """Drives each incident's message and thread from what is shown to what is true."""

    def __init__(
        self,
        *,
        watch: Watch,
        store: WatchStore,
        reader: QueueReader,
        messenger: Messenger,
        writer: AlertWriter,
        catalog: Catalog,
    ) -> None:
        self._watch = watch
        self._store = store
        self._reader = reader
        self._messenger = messenger
        self._writer = writer
        self._catalog = catalog
        self._busy: dict[int, asyncio.Task[None]] = {}
        self._channels: dict[int, str | None] = {}

    async def run_pass(self) -> None:
        """Begin work on the most urgent incidents that need a step; the leader only."""
        if self._watch.holding() is None:
            return
        state = await self._store.load_open()
        now = await self._reader.now()
        taken = Counter(self._channels.values())
        for incident in sorted(self._due(state, now), key=lambda i: (urgency_of(i), i.number)):
            channel = self._channel(incident, _notice(state, incident.number))
            if len(self._busy) < MOST and taken[channel] < MOST_A_CHANNEL:
                taken[channel] += 1
                self._start(incident.number, channel)

    async def drain(self) -> None:
        """Wait until the steps under way are done and recorded."""
        await asyncio.gather(*self._busy.values(), return_exceptions=True)

    def _due(self, state: WatchState, now: Ms) -> list[Incident]:
        return [
            incident
            for number, incident in state.incidents.items()
            if number not in self._busy and next_step(incident, _notice(state, number), now)
        ]

    def _start(self, number: int, channel: str | None) -> None:
        task = asyncio.create_task(self._drive(number), name=f"notify-{number}")
        self._busy[number] = task
        self._channels[number] = channel

        def end(_: asyncio.Task[None]) -> None:
            self._busy.pop(number, None)
            self._channels.pop(number, None)

        task.add_done_callback(end)

    async def _drive(self, number: int) -> None:
        """Take steps until Slack matches, or something outside is in the way."""
        try:
            while self._watch.holding() is not None:
                incident, notice = await self._store.load_one(number)
                if incident is None:
                    return
                step = next_step(incident, notice, await self._reader.now())
                if step is None:
                    return
                await self._take(step, incident, notice)
        except LostLeaseError:
            _log.info("another replica leads now", incident=number)
        except BullhornError as error:
            _log.warning("alert not shown yet", incident=number, reason=str(error))
        except Exception:  # noqa: BLE001 - one alert that cannot be made must not stop the others
            _log.exception("alert cannot be shown", incident=number)
            await self._put_off(number, MINUTE)

    async def _take(self, step: Step, incident: Incident, notice: Notice) -> None:
        if step is Step.RETIRE:
            await self._commit(WatchChanges(retired=(incident,)))
            return
        act = {Step.POST: self._post, Step.EDIT: self._edit, Step.REPLY: self._reply}[step]
        try:
            done = await act(incident, notice)
        except SlackUnavailableError as error:
            await self._put_off(incident.number, max(RETRY_AFTER, int(error.retry_after * SECOND)))
            raise
        except SlackRefusedError as error:
            done = await self._refused(incident.number, error, step)
        await self._save(done)

    async def _post(self, incident: Incident, notice: Notice) -> Notice:
        channel = self._channel(incident, notice)
        if channel is None:
            raise SlackRefusedError("No channel is configured for alerts.", code="no_channel")
        tag = _tag(incident)
        if notice.posting_since is not None:
            found = await self._messenger.find(
                channel=channel, tag=tag, since=notice.posting_since - MINUTE
            )
            if found is not None:
                # Which revision it shows is not known: the next step edits it.
                return replace(
                    notice, channel=found.channel, ts=found.ts, posting_since=None, refused=None
                )
        notice = replace(notice, channel=channel, posting_since=None)
        posted: list[Incident] = []

        async def fresh() -> Message:
            current = await self._current(incident.number)
            if not may_post(current):
                raise _WithdrawnError("It is over, or silenced.")
            current = await as_it_is_now(self._reader, current)
            # Under the lease, and before anything is sent.
            await self._save(replace(notice, posting_since=await self._reader.now()))
            posted[:] = [current]
            return self._writer.alert(current, first=True)

        try:
            ref = await self._messenger.post(
                fresh, channel=channel, tag=tag, urgency=urgency_of(incident)
            )
        except _WithdrawnError:
            return notice
        except SlackUnavailableError as error:
            if not error.unclear:
                await self._save(notice)
            raise
        now = await self._reader.now()
        return replace(shown(notice, posted[0], now), channel=ref.channel, ts=ref.ts, refused=None)

    async def _edit(self, incident: Incident, notice: Notice) -> Notice:
        edited: list[Incident] = []

        async def fresh() -> Message:
            edited[:] = [await self._current(incident.number)]
            return self._writer.alert(edited[0], first=False)

        await self._messenger.update(fresh, _ref(notice), urgency=urgency_of(incident))
        return replace(shown(notice, edited[0], await self._reader.now()), refused=None)

    async def _reply(self, incident: Incident, notice: Notice) -> Notice:
        ref = _ref(notice)
        index = notice.replies
        done = replace(notice, replies=index + 1, replying_since=None, refused=None)
        tag = _tag(incident, index)
        if notice.replying_since is not None:
            since = notice.replying_since - MINUTE
            if await self._messenger.find(channel=ref.channel, tag=tag, since=since, thread=ref.ts):
                return done
        notice = replace(notice, replying_since=None)
        # It became worse: that is worth a line in the channel, as an edit rings no phone.
        entry = incident.timeline[index]
        loud = entry.what is Happening.ESCALATED and not entry.quiet

        async def fresh() -> Message:
            await self._save(replace(notice, replying_since=await self._reader.now()))
            return self._writer.entry(incident, index)

        try:
            await self._messenger.post(
                fresh,
                channel=ref.channel,
                tag=tag,
                thread=ref.ts,
                broadcast=loud,
                urgency=Urgency.CRITICAL if loud else Urgency.DETAIL,
            )
        except SlackUnavailableError as error:
            if not error.unclear:
                await self._save(notice)
            raise
        return done

    async def _current(self, number: int) -> Incident:
        """The incident as it is at this moment; only while the lease surely is ours."""
        if self._watch.holding() is None:
            raise LostLeaseError("Another replica leads now; nothing was sent.")
        incident, _ = await self._store.load_one(number)
        if incident is None:
            raise _WithdrawnError("It is gone.")
        return incident

    async def _put_off(self, number: int, length: Ms) -> None:
        """Again, but not at once; what is known of a lost answer stays as it was stored."""
        try:
            _, notice = await self._store.load_one(number)
            await self._save(replace(notice, retry_at=await self._reader.now() + length))
        except BullhornError as error:
            _log.warning("alert not put off", incident=number, reason=str(error))

    async def _refused(self, number: int, error: SlackRefusedError, step: Step) -> Notice:
        _log.error("Slack refuses an alert", incident=number, step=step.value, code=error.code)
        incident, notice = await self._store.load_one(number)
        if incident is None:
            return notice
        return after_refusal(
            incident,
            notice,
            code=error.code,
            step=step,
            fallback=self._catalog.channel,
            now=await self._reader.now(),
        )

    def _channel(self, incident: Incident, notice: Notice) -> str | None:
        return notice.channel or self._catalog.channel_of(incident.queue)

    async def _save(self, notice: Notice) -> None:
        await self._commit(WatchChanges(notices=(notice,)))

    async def _commit(self, changes: WatchChanges) -> None:
        lease = self._watch.holding()
        if lease is None:
            raise LostLeaseError("Another replica leads now; nothing was written.")
        await self._store.commit(lease, changes)


def _notice(state: WatchState, number: int) -> Notice:
    return state.notices.get(number) or Notice(number=number)


def _ref(notice: Notice) -> MessageRef:
    if notice.channel is None or notice.ts is None:
        raise BullhornError("The alert was not posted yet.")
    return MessageRef(notice.channel, notice.ts)


def _tag(incident: Incident, index: int | None = None) -> Tag:
    """Numbers start anew when Redis was emptied: the time keeps old messages apart."""
    key = f"{incident.number}:{incident.fired_at}"
    if index is None:
        return Tag("bullhorn_incident", key)
    return Tag("bullhorn_entry", f"{key}:{index}")
