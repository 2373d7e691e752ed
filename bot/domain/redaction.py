"""Masking what a job's data should not show to a channel.

A value is masked whole, whatever it is, when its key holds one of `SENSITIVE` (in any case, with
any separators, anywhere in the key: `cardNumber`, `WHMCS_API_TOKEN`, and, wrongly but safely,
`discard`) or is one of the queue's own `redact` keys (the whole key, in any case, with any
separators). Nothing of the value is left, not even its length.

Failed reasons are shown without loading their job's data, so that there the values of `redact` keys
cannot be looked for. A queue that has such keys holds numbers that tell who someone is (accounts,
telephones), so all long numbers in its reasons are masked then: too much rather than too little.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, Final

MASK: Final = "\u2022\u2022\u2022\u2022"
SENSITIVE: Final = (
    "password",
    "passwd",
    "passphrase",
    "token",
    "secret",
    "authorization",
    "card",
    "apikey",
    "privatekey",
    "credential",
    "cookie",
    "cvv",
    "cvc",
)
DEPTH: Final = 40
"""Deeper levels are replaced by "…": data is shown for reading, and Python's stack is finite."""

_TEXT: Final = 65_536
_SECRETS: Final = 500
_NODES: Final = 20_000
_SHORTEST_SECRET: Final = 4
_LONGEST_SECRET: Final = 2000
_SEPARATORS = re.compile(r"[\s_.\-]+")
_BEARER = re.compile(r"\b(bearer|basic)\s{1,4}[\w.~+/=-]{4,}", re.IGNORECASE)
_LOGIN_IN_URL = re.compile(r"(://[^\s/:@]{0,100}:)[^\s/@]{1,200}@")
_FAILURE_CODE = re.compile(r"(?:Error: )?([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+): ")
_PLAIN_CODE = re.compile(r"[A-Z][A-Z0-9_]{2,99}")
_LONG_NUMBER = re.compile(r"\d(?:[ -]?\d){8,}|\d{6,}")
"""Six digits in a row, or nine with blanks and hyphens between (a telephone, but not a date)."""


def mask(value: Any, extra_keys: Sequence[str] = ()) -> Any:
    """A copy of decoded JSON with sensitive values masked, at any depth and in nested JSON strings.

    `extra_keys` are the queue's `redact` keys. Levels below `DEPTH` are replaced by "…",
    and of a plain string at most the first 64 K characters are kept.
    """
    return _mask(value, _normalized(extra_keys), tuple(extra_keys), DEPTH)


def _mask(value: Any, own: frozenset[str], extra_keys: tuple[str, ...], depth: int) -> Any:
    if isinstance(value, str):
        return _mask_string(value, own, extra_keys, depth)
    if not isinstance(value, dict | list | tuple):
        return value
    if depth == 0:
        return "\u2026"
    if isinstance(value, dict):
        return {
            key: MASK
            if _is_sensitive(str(key), own) and _tells(inner)
            else _mask(inner, own, extra_keys, depth - 1)
            for key, inner in value.items()
        }
    return [_mask(inner, own, extra_keys, depth - 1) for inner in value]


def _mask_string(value: str, own: frozenset[str], extra_keys: tuple[str, ...], depth: int) -> str:
    nested = _nested(value)
    if nested is None:
        head = value if len(value) <= _TEXT else value[:_TEXT] + "\u2026"
        return _mask_patterns(head, extra_keys)
    return json.dumps(_mask(nested, own, extra_keys, max(0, depth - 1)), ensure_ascii=False)


def mask_text(text: str, extra_keys: Sequence[str] = (), data: Any = None) -> str:
    """Mask in free text: sensitive values of the job's own `data`, and what looks like a secret.

    That is `password=...`, `"token": "..."`, `Authorization: ...`, `Bearer ...` and a login in an
    address. At most the first 64 K characters are kept.
    """
    head = text[:_TEXT]
    secrets = sorted(set(secrets_in(data, extra_keys)), key=lambda one: (-len(one), one))
    if secrets:
        head = re.sub("|".join(map(re.escape, secrets)), MASK, head)
    return _mask_patterns(head, tuple(extra_keys))


def mask_reason(reason: str, extra_keys: Sequence[str] = (), data: Any = None) -> str:
    """A failed reason as people may see it.

    As `mask_text`; without the job's `data` all long numbers of a queue with `redact` keys go too.
    """
    masked = mask_text(reason, extra_keys, data)
    return _LONG_NUMBER.sub(MASK, masked) if extra_keys and data is None else masked


def shown_code(code: str, extra_keys: Sequence[str] = (), data: Any = None) -> str:
    """A failure code as people may see it: UPPER_SNAKE as it is, a message masked as a reason.

    Every place that names a failure code shows this. A code that is not shown as it is (`carries`)
    goes into no button either: its value would hold what is masked.
    """
    return code if is_plain(code) else mask_reason(code, extra_keys, data)


def carries(code: str, extra_keys: Sequence[str] = ()) -> bool:
    """Whether a button may carry this failure code: nothing of it is masked."""
    return shown_code(code, extra_keys) == code


def is_plain(code: str) -> bool:
    """Whether a failure code is an UPPER_SNAKE word, not a message."""
    return _PLAIN_CODE.fullmatch(code) is not None


def secrets_in(data: Any, extra_keys: Sequence[str] = ()) -> tuple[str, ...]:
    """The values of `data` that `mask` would mask, as text; very short ones are left out."""
    own = _normalized(extra_keys)
    found: list[str] = []
    for value in _sensitive_values(data, own):
        text = str(value)
        if len(text) >= _SHORTEST_SECRET:
            found.append(text[:_LONGEST_SECRET])
        if len(found) == _SECRETS:
            break
    return tuple(found)


def _sensitive_values(data: Any, own: frozenset[str]) -> Iterator[str | int | float]:
    """Scalars below a sensitive key, the shallow ones first; a bounded number is looked at."""
    waiting: deque[tuple[Any, bool, int]] = deque([(data, False, DEPTH)])
    for _ in range(_NODES):
        if not waiting:
            return
        value, inside, depth = waiting.popleft()
        if isinstance(value, str) and (nested := _nested(value)) is not None:
            value = nested
        if isinstance(value, dict) and depth:
            waiting.extend(
                (inner, inside or _is_sensitive(str(key), own), depth - 1)
                for key, inner in islice(value.items(), _NODES)
            )
        elif isinstance(value, list | tuple) and depth:
            waiting.extend((inner, inside, depth - 1) for inner in islice(value, _NODES))
        elif inside and isinstance(value, str | int | float) and _tells(value):
            yield value


def _normalize(key: str) -> str:
    return _SEPARATORS.sub("", key[:200]).casefold()


def _normalized(keys: Sequence[str]) -> frozenset[str]:
    return frozenset(map(_normalize, keys))


def _is_sensitive(key: str, own: frozenset[str]) -> bool:
    plain = _normalize(key)
    return plain in own or any(word in plain for word in SENSITIVE)


def _tells(value: Any) -> bool:
    """Whether there is anything to hide: null, "", true and false say enough by being there."""
    return value not in ("", None) and not isinstance(value, bool)


def _nested(text: str) -> Any:
    """JSON inside a string: the decoded object or array, None when it is not one."""
    if text[:1] not in {"{", "["}:
        return None
    try:
        decoded = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return decoded if isinstance(decoded, dict | list) else None


@lru_cache(maxsize=64)
def _assignment(extra_keys: tuple[str, ...]) -> re.Pattern[str]:
    """`key=value`, `key: value` and quoted kinds, with the key from the sensitive word on."""
    words = [word.replace("key", "[_.-]?key") for word in SENSITIVE]
    own = [re.escape(key) for key in extra_keys if key]
    return re.compile(
        rf"(?P<key>(?:{'|'.join(words + own)}))(?P<rest>[\w.-]{{0,40}})(?P<close>\\?[\"']?)"
        r"(?P<sign>\s{0,3}[:=]\s{0,3})"
        r"(?P<value>\\?\"[^\"\\]{0,2000}\\?\"?|'[^']{0,2000}'?"
        r"|(?:bearer|basic)\s{1,4}\S{1,2000}|[^\s,;&\"'(){}\[\]]{1,2000})",
        re.IGNORECASE,
    )


def _mask_patterns(text: str, extra_keys: tuple[str, ...]) -> str:
    leading = _FAILURE_CODE.match(text)
    code_end = leading.end(1) if leading else -1

    def masked(found: re.Match[str]) -> str:
        # "CARD_DECLINED: insufficient funds" opens with a failure code, not with a card's number.
        if found["rest"] and found.end("rest") == code_end:
            return found[0]
        return f"{found['key']}{found['rest']}{found['close']}{found['sign']}{MASK}"

    text = _LOGIN_IN_URL.sub(rf"\1{MASK}@", text)
    text = _assignment(extra_keys).sub(masked, text)
    return _BEARER.sub(rf"\1 {MASK}", text)
