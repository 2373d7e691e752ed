"""What Slack refuses in a message, written from Slack's reference and not from our own kit.

Independent on purpose: it shares no code, no constant and no library with what makes the messages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from bot.domain.message import Message

_BLOCKS = {"section", "context", "actions", "header", "divider"}
_ANGLE = re.compile(
    r"<(?:@[UW][A-Z0-9]+|!subteam\^S[A-Z0-9]+|#[CG][A-Z0-9]+"
    r"|!date\^\d{1,12}\^[^<>|^]+\|[^<>|]+|(?:https?://|mailto:)[^<>|\s]+\|[^<>|]+)>"
)
_ENTITY = re.compile(r"&(?!amp;|lt;|gt;)")
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_MENTION = re.compile(r"<(@|!subteam|!here|!channel|!everyone)[^>]*>")


def problems(message: Message) -> list[str]:
    """All that Slack would refuse, and all that could mention, format or hide by accident."""
    return list(_message(message))


def check(message: Message) -> Message:
    """The message itself, when nothing is wrong with it.

    Raises:
        AssertionError: naming everything that is wrong.
    """
    found = problems(message)
    if found:
        raise AssertionError("; ".join(found))
    return message


def mentions(message: Message) -> set[str]:
    """Every mention in a message, as written."""
    texts = [message.text, *(text for text, _ in _texts(list(message.blocks)))]
    return {found[0] for text in texts for found in _MENTION.finditer(text)}


def _message(message: Message) -> Iterator[str]:
    if not message.text.strip():
        yield "no fallback text"
    if len(message.text) > 4000:
        yield "fallback text over 4000 characters"
    yield from _mrkdwn(message.text, "fallback", 4000)
    if "<!date" in message.text and message.color is None:
        yield "fallback text holds a date that phones may not show"
    if message.color is not None and not re.fullmatch(r"#[0-9a-fA-F]{6}", message.color):
        yield f"colour {message.color!r} is not hex"
    yield from _blocks(list(message.blocks))


def _blocks(blocks: list[dict[str, Any]]) -> Iterator[str]:
    if len(blocks) > 50:
        yield f"{len(blocks)} blocks"
    if sum(len(text) for text, _ in _texts(blocks)) > 13_000:
        yield "more than 13,000 characters in all"
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        where = f"block {index}"
        kind = block.get("type")
        if kind not in _BLOCKS:
            yield f"{where}: type {kind!r}"
            continue
        yield from _BLOCK[kind](block, where)
        for element in _elements(block):
            action = element.get("action_id")
            if not isinstance(action, str) or not 0 < len(action) <= 255:
                yield f"{where}: action id {action!r}"
            elif action in seen:
                yield f"{where}: action id {action!r} comes twice"
            else:
                seen.add(action)


def _section(block: dict[str, Any], where: str) -> Iterator[str]:
    if "text" not in block and "fields" not in block:
        yield f"{where}: a section without text and fields"
    if "text" in block:
        yield from _text(block["text"], where, 3000)
    if "fields" in block:
        if not 1 <= len(block["fields"]) <= 10:
            yield f"{where}: {len(block['fields'])} fields"
        for field in block["fields"]:
            yield from _text(field, f"{where} field", 2000)
    if "accessory" in block:
        yield from _element(block["accessory"], f"{where} accessory")


def _context(block: dict[str, Any], where: str) -> Iterator[str]:
    if not 1 <= len(block.get("elements", [])) <= 10:
        yield f"{where}: {len(block.get('elements', []))} context elements"
    for element in block.get("elements", []):
        yield from _text(element, where, 3000)


def _actions(block: dict[str, Any], where: str) -> Iterator[str]:
    if not 1 <= len(block.get("elements", [])) <= 25:
        yield f"{where}: {len(block.get('elements', []))} elements"
    for element in block.get("elements", []):
        yield from _element(element, where)


def _header(block: dict[str, Any], where: str) -> Iterator[str]:
    yield from _plain(block.get("text"), where, 150)


def _divider(_block: dict[str, Any], _where: str) -> Iterator[str]:
    return iter(())


_BLOCK: dict[str, Callable[[dict[str, Any], str], Iterator[str]]] = {
    "section": _section,
    "context": _context,
    "actions": _actions,
    "header": _header,
    "divider": _divider,
}


def _element(element: dict[str, Any], where: str) -> Iterator[str]:
    kind = element.get("type")
    if kind == "button":
        yield from _plain(element.get("text"), f"{where} button", 75)
        if len(element.get("value", "")) > 2000:
            yield f"{where}: button value of {len(element['value'])}"
        if "url" in element and not re.fullmatch(r"https?://\S{1,2990}", element["url"]):
            yield f"{where}: button address {element['url'][:50]!r}"
        if element.get("style", "primary") not in {"primary", "danger"}:
            yield f"{where}: style {element['style']!r}"
    elif kind in {"static_select", "overflow"}:
        yield from _options(element, where, least=2 if kind == "overflow" else 1)
    else:
        yield f"{where}: element {kind!r}"
    if "confirm" in element:
        yield from _confirm(element["confirm"], where)


def _options(element: dict[str, Any], where: str, *, least: int) -> Iterator[str]:
    options = element.get("options", [])
    if not least <= len(options) <= (5 if element["type"] == "overflow" else 100):
        yield f"{where}: {len(options)} options"
    values = [option.get("value") for option in options]
    if len(set(values)) != len(values):
        yield f"{where}: option values are not unique"
    for option in options:
        yield from _plain(option.get("text"), f"{where} option", 75)
        if not 0 < len(option.get("value", "")) <= 150:
            yield f"{where}: option value of {len(option.get('value', ''))}"
    if element["type"] == "static_select":
        yield from _plain(element.get("placeholder"), f"{where} placeholder", 150)


def _confirm(confirm: dict[str, Any], where: str) -> Iterator[str]:
    yield from _plain(confirm.get("title"), f"{where} confirm title", 100)
    yield from _text(confirm.get("text"), f"{where} confirm", 300)
    yield from _plain(confirm.get("confirm"), f"{where} confirm yes", 30)
    yield from _plain(confirm.get("deny"), f"{where} confirm no", 30)


def _text(value: Any, where: str, longest: int) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: no text object"
    elif value.get("type") == "plain_text":
        yield from _plain(value, where, longest)
    elif value.get("type") != "mrkdwn":
        yield f"{where}: text type {value.get('type')!r}"
    else:
        if value.get("verbatim") is not True:
            yield f"{where}: Slack would make links and mentions of plain words"
        yield from _mrkdwn(value.get("text", ""), where, longest)


def _plain(value: Any, where: str, longest: int) -> Iterator[str]:
    if not isinstance(value, dict) or value.get("type") != "plain_text":
        yield f"{where}: not plain text"
        return
    text = value.get("text", "")
    if not 0 < len(text) <= longest:
        yield f"{where}: {len(text)} characters of at most {longest}"
    if "<" in text or _INVISIBLE.search(text) or "\n" in text:
        yield f"{where}: unsafe plain text {text[:80]!r}"


def _mrkdwn(text: str, where: str, longest: int) -> Iterator[str]:
    if not 0 < len(text) <= longest:
        yield f"{where}: {len(text)} characters of at most {longest}"
    rest = _ANGLE.sub("", text)
    if "<" in rest or ">" in rest:
        yield f"{where}: bare angle bracket in {rest[:120]!r}"
    if _ENTITY.search(rest):
        yield f"{where}: bare ampersand in {rest[:120]!r}"
    if found := _INVISIBLE.search(text):
        yield f"{where}: invisible character {found[0]!r}"
    if text.count("```") % 2:
        yield f"{where}: a code block is not closed"
    if re.search(r"@(here|channel|everyone)\b", text, re.IGNORECASE):
        yield f"{where}: a loud @ in {text[:120]!r}"


def _elements(block: dict[str, Any]) -> list[dict[str, Any]]:
    if block["type"] == "actions":
        return list(block.get("elements", []))
    return [block["accessory"]] if "accessory" in block else []


def _texts(value: Any) -> Iterator[tuple[str, str]]:
    """Every text in some blocks, with its type."""
    if isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value["text"], str(value.get("type", ""))
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
