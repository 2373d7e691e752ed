"""Values as Slack text: escaped, short, and unable to format, mention or hide anything.

Three degrees of trust. `escape` and `code` take anything at all, such as a job's failed reason.
`trusted` takes our own words and the config's, which may use mrkdwn; it is escaped all the same.
Everything else here makes its text itself.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import Final

from bot.domain.times import HOUR, MINUTE, SECOND, Ms, say_duration

ELLIPSIS: Final = "\u2026"
TEXT_LIMIT: Final = 3000
"""Slack's limit for the text of a section or a context element."""

_DAY_SHOWN_AFTER: Final[Ms] = 12 * HOUR
_LATEST_SECOND: Final = 253_402_300_799

# Slack has no escape for its own signs: each is replaced by one that looks the same.
_SOFT = str.maketrans({"`": "\u02cb", "*": "\u2217", "~": "\u223c"})
_SOFT_CODE = str.maketrans({"`": "\u02cb"})
_SOFT_PLAIN = str.maketrans({"<": "\u2039", ">": "\u203a"})
_OPENING_UNDERSCORE = re.compile(r"(?<!\w)_+")
_EMOJI_COLON = re.compile(r":(?=[\w+'-]{1,100}:)")
_LOUD_AT = re.compile(r"@(?=(?:here|channel|everyone|group)\b)", re.IGNORECASE)
_PILED_MARKS = re.compile(
    "([\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{2})"
    "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)
_HALF_ENTITY = re.compile(r"&[a-z]{0,3}\Z")
_USER = re.compile(r"[UW][A-Z0-9]+")
_GROUP = re.compile(r"S[A-Z0-9]+")
_CODE = re.compile(r"[A-Z][A-Z0-9_]{2,}|\([a-z ]+\)")
_DATE = re.compile(r"<!date\^\d{1,12}\^[^<>|^]{1,60}\|([^<>|]{1,60})>")
_ADDRESS = re.compile(r"(?:https?://|mailto:)[^\s<>|]+")


def clean(value: str, limit: int, *, lines: bool = False) -> str:
    """Only what can be seen, at most `limit` characters; `lines` keeps line breaks.

    Control, zero-width and direction characters go; half characters become a replacement mark. Only
    a bounded head of the value is looked at, so that its size costs nothing.
    """
    window = value[: 4 * limit + 64]
    seen = "".join(_visible(sign, lines=lines) for sign in window)
    flat = seen.strip("\n").rstrip() if lines else " ".join(seen.split())
    flat = _PILED_MARKS.sub(r"\1", flat)
    if len(flat) > limit or len(value) > len(window):
        return flat[: limit - 1].rstrip() + ELLIPSIS
    return flat


def _visible(sign: str, *, lines: bool) -> str:
    if " " <= sign <= "~":
        return sign
    if sign in "\n\u2028\u2029":
        return "\n" if lines else " "
    category = unicodedata.category(sign)
    if category == "Cc":
        return "  " if sign == "\t" else " "
    if category == "Cf":
        return ""
    return "\ufffd" if category in {"Cs", "Cn", "Co"} else sign


def entities(text: str) -> str:
    """The three signs that Slack reserves."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def escape(value: str, limit: int = 200) -> str:
    """Anything, as harmless text on one line: no format, emoji, link or mention comes of it."""
    flat = clean(value, limit).translate(_SOFT)
    flat = _OPENING_UNDERSCORE.sub(lambda found: "\u02cd" * len(found[0]), flat)
    flat = _EMOJI_COLON.sub("\u2236", flat)
    return entities(_quiet(flat))


def quote(value: str, limit: int = 200) -> str:
    """Anything, as harmless text in double quotes."""
    return f'"{escape(value, limit)}"'


def code(value: str, limit: int = 100) -> str:
    """Anything, as a code span: ids, names."""
    return f"`{_inside_code(clean(value, limit)) or '(empty)'}`"


def code_block(value: str, limit: int = 2500) -> str:
    """Anything of several lines, as a code block of at most `limit` characters as Slack counts."""
    inner = _inside_code(clean(value, limit, lines=True))
    return f"```\n{fit(inner, limit) or '(empty)'}\n```"


def _inside_code(text: str) -> str:
    return entities(_quiet(text.translate(_SOFT_CODE)))


def _quiet(text: str) -> str:
    return _LOUD_AT.sub("\uff20", text)


def plain(value: str, limit: int) -> str:
    """Anything, for a label or another place that Slack shows as it is."""
    return clean(value, limit).translate(_SOFT_PLAIN) or "?"


def trusted(value: str, limit: int = 500) -> str:
    """Our own or the config's words on one line: their mrkdwn holds, but they mention nobody."""
    flat = _quiet(clean(value, limit))
    if flat.count("`") % 2 or "```" in flat:
        flat = flat.translate(_SOFT_CODE)
    return entities(flat)


def bare(mrkdwn: str) -> str:
    """Finished text without its bold, code spans and Slack dates: what a notification shows."""
    return _DATE.sub(r"\1", mrkdwn).replace("*", "").replace("`", "")


def fit(mrkdwn: str, limit: int = TEXT_LIMIT) -> str:
    """Cut finished text to a limit without leaving half an entity, a half link or an open block."""
    if len(mrkdwn) <= limit:
        return mrkdwn
    fence = "\n```"
    head = mrkdwn[: limit - len(ELLIPSIS) - len(fence)]
    if head.rfind("<") > head.rfind(">"):
        head = head[: head.rfind("<")]
    head = _HALF_ENTITY.sub("", head).rstrip("`") + ELLIPSIS
    return head + fence if head.count("```") % 2 else head


def error_name(value: str, limit: int = 80) -> str:
    """A failure code (or our own "(no reason)") as it is, a masked message in quotes."""
    return escape(value, limit) if _CODE.fullmatch(value) else quote(value, limit)


def number(value: int) -> str:
    """With separators: 1,204."""
    return f"{value:,}"


def plural(value: int, one: str, many: str | None = None) -> str:
    """A number and what it counts: "1 job", "1,204 jobs"."""
    return f"{number(value)} {one if value == 1 else many or one + 's'}"


def length(time: Ms) -> str:
    """A length of time that grows as it is watched: "59 s", "1 min 45 s", "9 min", "11 min".

    Seconds stay until ten minutes: "82 s" followed by "1 min" would look like less.
    """
    if time >= 10 * MINUTE:
        return say_duration(time)
    minutes, seconds = divmod(max(0, time) // SECOND, 60)
    if not minutes:
        return f"{seconds} s"
    return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"


def span(time: Ms) -> str:
    """A length of time, a short one exactly: "480 ms", "3.2 s", "1 min 5 s", "11 min"."""
    if 0 < time < SECOND:
        return f"{time} ms"
    if SECOND <= time < 10 * SECOND and time % SECOND >= SECOND // 10:
        return f"{time / SECOND:.1f} s"
    return length(time)


def as_option(time: Ms) -> str:
    """A length of time as a command's option takes it, rounded up to minutes: "45s", "15m"."""
    if time < MINUTE:
        return f"{max(1, -(-time // SECOND))}s"
    return f"{-(-time // MINUTE)}m"


def size(count: int) -> str:
    """A number of bytes: "812 bytes", "12.3 KB", "1.2 MB"."""
    kilo = 1000
    if count < kilo:
        return plural(count, "byte")
    return f"{count / kilo:.1f} KB" if count < kilo * kilo else f"{count / kilo / kilo:,.1f} MB"


def date(instant: Ms, now: Ms | None = None) -> str:
    """An instant in the reader's own zone: the time, and the day too when it is not near `now`."""
    second = instant // SECOND
    if not 0 < second <= _LATEST_SECOND:
        return "an unknown time"
    moment = datetime.fromtimestamp(second, UTC)
    if now is None or abs(now - instant) < _DAY_SHOWN_AFTER:
        return f"<!date^{second}^{{time}}|{moment:%H:%M} UTC>"
    return f"<!date^{second}^{{date_short_pretty}} {{time}}|{moment:%Y-%m-%d %H:%M} UTC>"


def mention(person: str) -> str:
    """A user or user group by its id; whatever else is there is only text."""
    if _USER.fullmatch(person):
        return f"<@{person}>"
    return f"<!subteam^{person}>" if _GROUP.fullmatch(person) else escape(person, 60)


def link(address: str, label: str) -> str:
    """A link; the label alone where the address is not one that Slack would open."""
    target = address.strip()
    shown = escape(label, 60).replace("|", "/") or "link"
    return f"<{entities(target)}|{shown}>" if _ADDRESS.fullmatch(target) else shown
