"""The notifier: makes Slack match the incidents, one step at a time, whatever was lost before.

Each step that cannot be repeated harmlessly (a post) is announced in the state first; if its
outcome is unknown, because of a timeout or a crash, the message is looked for by its metadata
before another try. So nothing is posted twice and nothing is left out.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import structlog

from bot.domain.incidents import Happening, Incident
from bot.domain.message import MessageRef, Tag
from bot.domain.notices import Notice, Step, may_post, next_step
from bot.domain.policy import Catalog
from bot.domain.state import WatchChanges, WatchState
from bot.domain.times import MINUTE, SECOND, Ms
from bot.errors import BullhornError, LostLeaseError, SlackRefusedError, SlackUnavailableError
from bot.ports import AlertWriter, Messenger, QueueReader, WatchStore
from bot.services.watch import Watch

_log = structlog.get_logger(__name__)
RETRY_AFTER: Ms = 5 * SECOND
REFUSED_RETRY_AFTER: Ms = MINUTE
_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})


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

    async def run_pass(self) -> None:
        """Start work on each incident that needs a step and has none under way; leader only."""
        if self._watch.lease is None:
            return
        state = await self._store.load_open()
        now = await self._reader.now()
        urgent_first = sorted(state.incidents.values(), key=lambda i: (-i.severity.rank, i.number))
        for incident in urgent_first:
            notice = state.notices.get(incident.number) or Notice(number=incident.number)
            if incident.number not in self._busy and next_step(incident, notice, now):
                self._start(incident.number)

    async def drain(self) -> None:
        """Wait until the steps under way are done and recorded."""
        await asyncio.gather(*self._busy.values(), return_exceptions=True)

    def _start(self, number: int) -> None:
        task = asyncio.create_task(self._drive(number), name=f"notify-{number}")
        self._busy[number] = task
        task.add_done_callback(lambda _: self._busy.pop(number, None))

    async def _drive(self, number: int) -> None:
        """Take steps until Slack matches, or something outside is in the way."""
        try:
            while self._watch.lease is not None:
                state = await self._store.load_open()
                step = await self._due(state, number)
                if step is None:
                    return
                incident, notice = state.incidents[number], _notice(state, number)
                await self._take(step, incident, notice)
        except LostLeaseError:
            _log.info("another replica leads now", incident=number)
        except BullhornError as error:
            _log.warning("alert not shown yet", incident=number, reason=str(error))

    async def _due(self, state: WatchState, number: int) -> Step | None:
        incident = state.incidents.get(number)
        if incident is None:
            return None
        return next_step(incident, _notice(state, number), await self._reader.now())

    async def _take(self, step: Step, incident: Incident, notice: Notice) -> None:
        if step is Step.RETIRE:
            await self._commit(WatchChanges(retired=(incident,)))
            return
        try:
            if step is Step.POST:
                done = await self._post(incident, notice)
            elif step is Step.EDIT:
                done = await self._edit(incident, notice)
            else:
                done = await self._reply(incident, notice)
        except SlackUnavailableError:
            await self._save(await self._later(incident.number))
            raise
        except SlackRefusedError as error:
            done = await self._refused(incident, error, step)
        await self._save(done)

    async def _post(self, incident: Incident, notice: Notice) -> Notice:
        channel = notice.channel or self._catalog.channel_of(incident.queue)
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
            if not may_post(incident):
                return replace(notice, posting_since=None)
        now = await self._reader.now()
        await self._save(replace(notice, channel=channel, posting_since=now))
        message = self._writer.alert(incident, first=True)
        try:
            ref = await self._messenger.post(message, channel=channel, tag=tag)
        except SlackUnavailableError as error:
            if not error.unclear:
                await self._save(replace(notice, channel=channel, posting_since=None))
            raise
        return replace(
            _shown(notice, incident, now),
            channel=ref.channel, ts=ref.ts, posting_since=None, refused=None,
        )  # fmt: skip

    async def _edit(self, incident: Incident, notice: Notice) -> Notice:
        ref = _ref(notice)
        now = await self._reader.now()
        await self._messenger.update(self._writer.alert(incident, first=False), ref)
        return replace(_shown(notice, incident, now), refused=None)

    async def _reply(self, incident: Incident, notice: Notice) -> Notice:
        ref = _ref(notice)
        index = notice.replies
        done = replace(notice, replies=index + 1, replying_since=None, refused=None)
        tag = _tag(incident, index)
        if notice.replying_since is not None:
            since = notice.replying_since - MINUTE
            if await self._messenger.find(channel=ref.channel, tag=tag, since=since, thread=ref.ts):
                return done
        await self._save(replace(notice, replying_since=await self._reader.now()))
        try:
            await self._messenger.post(
                self._writer.entry(incident, index),
                channel=ref.channel,
                tag=tag,
                thread=ref.ts,
                # It became worse: that is worth a line in the channel, as an edit rings no phone.
                broadcast=incident.timeline[index].what is Happening.ESCALATED,
            )
        except SlackUnavailableError as error:
            if not error.unclear:
                await self._save(replace(notice, replying_since=None))
            raise
        return done

    async def _later(self, number: int) -> Notice:
        """After a call that did not go through: again, but not at once."""
        notice = _notice(await self._store.load_open(), number)
        return replace(notice, retry_at=await self._reader.now() + RETRY_AFTER)

    async def _refused(self, incident: Incident, error: SlackRefusedError, step: Step) -> Notice:
        """After a final no: another channel if there is one, else try again now and then."""
        _log.error("Slack refuses an alert", incident=incident.number, step=step, code=error.code)
        notice = _notice(await self._store.load_open(), incident.number)
        now = await self._reader.now()
        later = replace(notice, refused=error.code, retry_at=now + REFUSED_RETRY_AFTER)
        if step is Step.POST:
            fallback = self._catalog.channel
            if fallback and notice.channel != fallback:
                return replace(later, channel=fallback, posting_since=None, retry_at=0)
            return replace(later, channel=None, posting_since=None)
        if error.code in _GONE and step is Step.EDIT:
            # Somebody deleted the message: there is nothing left to keep right.
            return replace(_shown(notice, incident, now), refused=error.code)
        if step is Step.REPLY:
            return replace(later, replies=notice.replies + 1, replying_since=None, retry_at=0)
        return later

    async def _save(self, notice: Notice) -> None:
        await self._commit(WatchChanges(notices=(notice,)))

    async def _commit(self, changes: WatchChanges) -> None:
        lease = self._watch.lease
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


def _shown(notice: Notice, incident: Incident, now: Ms) -> Notice:
    return replace(
        notice,
        shown_revision=incident.revision,
        shown_value=incident.value,
        shown_at=now,
        retry_at=0,
    )
