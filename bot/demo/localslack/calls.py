"""A log of every Web API call, and how fast they came."""

from collections import deque
from dataclasses import asdict, dataclass, field

from bot.demo.localslack.errors import Json

KEPT = 20_000


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call as it arrived and how it was answered."""

    method: str
    args: Json
    at: float
    ok: bool
    error: str = ""
    fault: str = ""
    channel: str = ""
    ts: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(kw_only=True)
class CallLog:
    """The newest calls, oldest first."""

    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=KEPT))

    def add(self, call: Call) -> None:
        """Remember a call."""
        self.calls.append(call)

    def select(self, *, method: str = "", channel: str = "", since: float = 0.0) -> list[Json]:
        """The calls as JSON; empty arguments match everything."""
        return [
            asdict(call)
            for call in self.calls
            if (not method or call.method == method)
            and (not channel or call.channel == channel)
            and call.at >= since
        ]

    def rates(self) -> Json:
        """Per channel, the most posts in any second and the most edits in any minute.

        Slack allows about 1 post a second and 50 edits a minute.
        """
        answer: dict[str, Json] = {}
        for channel in sorted({c.channel for c in self.calls if c.channel}):
            posts = [c.at for c in self.calls if c.channel == channel and c.method in _POSTS]
            edits = [c.at for c in self.calls if c.channel == channel and c.method == _EDIT]
            answer[channel] = {
                "posts": len(posts),
                "edits": len(edits),
                "max_posts_per_second": busiest(posts, 1.0),
                "max_edits_per_minute": busiest(edits, 60.0),
            }
        return answer


_POSTS = ("chat.postMessage", "chat.postEphemeral")
_EDIT = "chat.update"


def busiest(times: list[float], window: float) -> int:
    """The most of ``times`` (ascending, in seconds) that fall into any one window."""
    best, start = 0, 0
    for end, at in enumerate(times):
        while at - times[start] >= window:
            start += 1
        best = max(best, end - start + 1)
    return best
