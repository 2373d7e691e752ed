"""A pretend notifier that crashes anywhere, against a pretend Slack that loses calls and answers.

Whatever happens, in the end there is one message, every line of the timeline stands in the thread
once and in order, and the message shows the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, auto

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.incidents import Incident
from bot.domain.notices import EDIT_GAP, SETTLE, Notice, Step, may_post, next_step
from bot.domain.times import MINUTE, SECOND
from tests.support.timelines import START, Timeline, tuned


class Luck(Enum):
    """What becomes of one call to Slack, or of the process around it."""

    GOOD = auto()
    UNREACHABLE = auto()
    LOST_CALL = auto()
    LOST_ANSWER = auto()
    CRASH_BEFORE = auto()
    CRASH_AFTER = auto()


class CrashedError(Exception):
    """The process died here: what was not stored is lost."""


class UnreachableError(Exception):
    """Clearly without effect."""


class UnclearError(Exception):
    """It may have taken effect."""


@dataclass
class PretendSlack:
    """Messages by `ts`; thread lines by index. It keeps doubles, so that they are seen."""

    lucks: list[Luck] = field(default_factory=list)
    posts: list[Incident] = field(default_factory=list)
    thread: list[int] = field(default_factory=list)

    def post(self, incident):
        self._call(lambda: self.posts.append(incident))
        return f"{len(self.posts) - 1}"

    def edit(self, ts, incident):
        self._call(lambda: self.posts.__setitem__(int(ts), incident))

    def reply(self, index):
        self._call(lambda: self.thread.append(index))

    def find(self):
        self._call(lambda: None)
        return "0" if self.posts else None

    def has_reply(self, index):
        self._call(lambda: None)
        return index in self.thread

    def _call(self, effect):
        luck = self.lucks.pop(0) if self.lucks else Luck.GOOD
        if luck is Luck.CRASH_BEFORE:
            raise CrashedError
        if luck is Luck.UNREACHABLE:
            raise UnreachableError
        if luck is not Luck.LOST_CALL:
            effect()
        if luck in (Luck.LOST_CALL, Luck.LOST_ANSWER):
            raise UnclearError
        if luck is Luck.CRASH_AFTER:
            raise CrashedError


@dataclass
class PretendNotifier:
    """Takes steps as the contract of `next_step` says; `notice` is what is stored."""

    slack: PretendSlack
    notice: Notice = field(default_factory=lambda: Notice(number=1))
    retired: bool = False

    def take(self, incident, now):
        """One step; False when there is none."""
        step = None if self.retired else next_step(incident, self.notice, now)
        if step is None:
            return False
        try:
            self._take(step, incident, now)
        except CrashedError:
            pass
        except (UnreachableError, UnclearError):
            self.notice = replace(self.notice, retry_at=now + 5 * SECOND)
        return True

    def _take(self, step, incident, now):
        if step is Step.RETIRE:
            self.retired = True
        elif step is Step.EDIT:
            self.slack.edit(self.notice.ts, incident)
            self.notice = self._shows(incident, now)
        elif step is Step.POST:
            self._post(incident, now)
        else:
            self._reply(now)

    def _post(self, incident, now):
        if self.notice.posting_since is not None:
            found = self.slack.find()
            if found is not None:
                self.notice = replace(self.notice, ts=found, posting_since=None)
                return
            if not may_post(incident):
                self.notice = replace(self.notice, posting_since=None)
                return
        assert may_post(incident)
        self.notice = replace(self.notice, posting_since=now)
        try:
            ts = self.slack.post(incident)
        except UnreachableError:
            self.notice = replace(self.notice, posting_since=None)
            raise
        self.notice = replace(self._shows(incident, now), ts=ts, posting_since=None)

    def _reply(self, now):
        index = self.notice.replies
        told = self.notice.replying_since is not None and self.slack.has_reply(index)
        if not told:
            self.notice = replace(self.notice, replying_since=now)
            try:
                self.slack.reply(index)
            except UnreachableError:
                self.notice = replace(self.notice, replying_since=None)
                raise
        self.notice = replace(self.notice, replies=index + 1, replying_since=None)

    def _shows(self, incident, now):
        return replace(
            self.notice,
            shown_revision=incident.revision, shown_value=incident.value, shown_at=now, retry_at=0,
        )  # fmt: skip


CHANGES = st.sampled_from(["more", "worse", "better", "ack", "note", "silence", "unsilence"])
MOVES = st.lists(st.one_of(CHANGES, st.just("step"), st.just("step")), max_size=25)


def change(story, what):
    """Let something happen to the one incident of this story."""
    clock = f"{(story.now - START) // 1000 + 7}s"
    waiting = {"more": story.incident.value + 1, "worse": 60, "better": 20}.get(what)
    if waiting is not None:
        story.at(clock, waiting=waiting)
    elif what == "ack":
        story.ack("bob")
    elif what == "note":
        story.now += 1
        story.note("bob", "retried 8")
    elif what == "silence":
        story.silence("s1", until="9h")
    elif "s1" in story.silences:
        story.unsilence("s1")


@given(MOVES, st.lists(st.sampled_from(Luck), max_size=25), st.booleans())
@settings(max_examples=400)
def test_slack_ends_up_right(moves, lucks, ends_silenced):
    story = Timeline(backlog=tuned("backlog", for_=0)).at("0s", waiting=12)
    notifier = PretendNotifier(PretendSlack(lucks))
    slack, late = notifier.slack, 0
    for what in moves:
        if what == "step":
            late += SETTLE + SECOND  # time enough to try again
            notifier.take(story.incident, story.now + late)
        else:
            change(story, what)
        assert len(slack.posts) <= 1
    if ends_silenced:
        story.silence("s2", until="9h")
    story.at("1h", waiting=0)
    assert len(story.incidents) == 1
    now = story.now + MINUTE
    while notifier.take(story.incident, now):
        now += SETTLE + SECOND
    assert notifier.retired
    if slack.posts:
        assert slack.posts == [story.incident]
        assert slack.thread == list(range(1, len(story.incident.timeline)))
    else:
        assert slack.thread == []


@given(st.lists(st.sampled_from(Luck), max_size=20))
def test_a_firing_one_is_posted_whatever_goes_wrong_first(lucks):
    story = Timeline(backlog=tuned("backlog", for_=0)).at("0s", waiting=12).ack("bob")
    notifier = PretendNotifier(PretendSlack(lucks))
    now = story.now
    while notifier.take(story.incident, now):
        now += SETTLE + SECOND
    assert notifier.slack.posts == [story.incident]
    assert notifier.slack.thread == [1]
    assert not notifier.take(story.incident, now + EDIT_GAP)
