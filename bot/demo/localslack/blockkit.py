"""Refuses the messages and views that Slack would refuse."""

import copy
import secrets
from collections.abc import Callable
from typing import Any

from bot.demo.localslack import datablocks
from bot.demo.localslack.checking import MISSING, Problems
from bot.demo.localslack.elements import (
    IN_ACTIONS,
    INPUTS,
    INTERACTIVE,
    check_element,
    check_image,
)
from bot.demo.localslack.errors import Json, SlackError

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
ATTACHMENTS = 100
_CHARTS_A_MESSAGE = 2
_MARKDOWN_TOTAL = 12_000
_SECTION_ACCESSORIES = {**INTERACTIVE, "image": check_image}
_ACTIONS = {kind: INTERACTIVE[kind] for kind in IN_ACTIONS}


def _section(found: Problems, block: Json, path: str) -> None:
    if "text" not in block and "fields" not in block:
        found.add(path, f"{MISSING}: text or fields")
    found.text(block, "text", path, longest=3000, required=False)
    if "fields" in block:
        for index, item in enumerate(found.items(block, "fields", path, least=1, most=10)):
            found.text_object(item, f"{path}/fields/{index}", longest=2000)
    if "accessory" in block:
        check_element(found, block["accessory"], f"{path}/accessory", allowed=_SECTION_ACCESSORIES)


def _header(found: Problems, block: Json, path: str) -> None:
    found.text(block, "text", path, longest=150, plain=True)


def _divider(_found: Problems, _block: Json, _path: str) -> None:
    """Nothing can be wrong with a line."""


def _context(found: Problems, block: Json, path: str) -> None:
    for index, item in enumerate(found.items(block, "elements", path, least=1, most=10)):
        where = f"{path}/elements/{index}"
        if isinstance(item, dict) and item.get("type") == "image":
            check_image(found, item, where)
        else:
            found.text_object(item, where, longest=3000)


def _actions(found: Problems, block: Json, path: str) -> None:
    elements = found.items(block, "elements", path, least=1, most=25)
    seen: set[str] = set()
    for index, element in enumerate(elements):
        where = f"{path}/elements/{index}"
        check_element(found, element, where, allowed=_ACTIONS)
        action_id = element.get("action_id") if isinstance(element, dict) else None
        if isinstance(action_id, str) and action_id in seen:
            found.add(f"{where}/action_id", f"`action_id` already exists: {action_id}")
        seen.add(str(action_id))


def _input(found: Problems, block: Json, path: str) -> None:
    found.text(block, "label", path, longest=2000, plain=True)
    found.text(block, "hint", path, longest=2000, plain=True, required=False)
    found.flag(block, "optional", path)
    if "element" not in block:
        found.add(path, f"{MISSING}: element")
        return
    check_element(found, block["element"], f"{path}/element", allowed=INPUTS)


def _image(found: Problems, block: Json, path: str) -> None:
    check_image(found, block, path)
    found.text(block, "title", path, longest=2000, plain=True, required=False)


_BLOCKS: dict[str, Callable[[Problems, Json, str], None]] = {
    "section": _section,
    "header": _header,
    "divider": _divider,
    "context": _context,
    "actions": _actions,
    "input": _input,
    "image": _image,
    "rich_text": datablocks.check_rich_text,
    "table": datablocks.check_table,
    "data_table": datablocks.check_data_table,
    "data_visualization": datablocks.check_chart,
    "markdown": datablocks.check_markdown,
}
_NOT_IN_VIEWS = {"table", "markdown"}


def _check_blocks(found: Problems, blocks: Any, path: str, *, most: int) -> None:
    if not isinstance(blocks, list):
        found.add(path, "must be an array")
        return
    if len(blocks) > most:
        found.add(path, f"no more than {most} items allowed")
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        where = f"{path}/{index}"
        if not found.is_object(block, where):
            continue
        check = _BLOCKS.get(str(block.get("type")))
        if check is None:
            found.add(f"{where}/type", f"unsupported type: {block.get('type')}")
            continue
        block_id = found.string(block, "block_id", where, longest=255, required=False)
        if block_id in seen:
            found.add(f"{where}/block_id", f"`block_id` already exists: {block_id}")
        if block_id:
            seen.add(block_id)
        check(found, block, where)
    _check_totals(found, [b for b in blocks if isinstance(b, dict)], path)


def _check_totals(found: Problems, blocks: list[Json], path: str) -> None:
    charts = sum(block.get("type") == "data_visualization" for block in blocks)
    if charts > _CHARTS_A_MESSAGE:
        found.add(path, f"no more than {_CHARTS_A_MESSAGE} data_visualization blocks allowed")
    markdown = sum(
        len(str(block.get("text", ""))) for block in blocks if block.get("type") == "markdown"
    )
    if markdown > _MARKDOWN_TOTAL:
        found.add(path, f"must be less than {_MARKDOWN_TOTAL + 1} characters of markdown")


def check_message(blocks: Any, attachments: Any) -> None:
    """Check what a message is made of.

    Raises:
        SlackError: ``invalid_blocks`` or ``invalid_attachments``, with every complaint.
    """
    found = Problems()
    if blocks:
        _check_blocks(found, blocks, "/blocks", most=MESSAGE_BLOCKS)
    if found.found:
        raise SlackError("invalid_blocks", problems=found.found)
    if attachments is None:
        return
    if not isinstance(attachments, list):
        raise SlackError("invalid_attachments", problems=["must be an array"])
    if len(attachments) > ATTACHMENTS:
        raise SlackError("too_many_attachments")
    for index, attachment in enumerate(attachments):
        where = f"/attachments/{index}"
        if found.is_object(attachment, where) and attachment.get("blocks"):
            _check_blocks(found, attachment["blocks"], f"{where}/blocks", most=MESSAGE_BLOCKS)
    if found.found:
        raise SlackError("invalid_attachments", problems=found.found)


def check_view(view: Any, *, kinds: set[str]) -> None:
    """Check a modal or a home view.

    Raises:
        SlackError: ``invalid_arguments``, with every complaint.
    """
    found = Problems()
    if not isinstance(view, dict):
        raise SlackError("invalid_arguments", problems=["must be an object [json-pointer:/view]"])
    kind = view.get("type")
    if kind not in kinds:
        found.add("/view/type", f"must be one of: {', '.join(sorted(kinds))}")
    if kind == "modal":
        found.text(view, "title", "/view", longest=24, plain=True)
        found.text(view, "submit", "/view", longest=24, plain=True, required=False)
        found.text(view, "close", "/view", longest=24, plain=True, required=False)
    found.string(view, "private_metadata", "/view", longest=3000, required=False)
    found.string(view, "callback_id", "/view", longest=255, required=False)
    found.string(view, "external_id", "/view", longest=255, required=False)
    blocks = found.items(view, "blocks", "/view", least=0, most=VIEW_BLOCKS)
    _check_blocks(found, blocks, "/view/blocks", most=VIEW_BLOCKS)
    for index, block in enumerate(blocks):
        block_type = block.get("type") if isinstance(block, dict) else None
        if block_type in _NOT_IN_VIEWS:
            found.add(f"/view/blocks/{index}/type", f"unsupported type: {block_type}")
        if block_type == "input" and kind == "modal" and "submit" not in view:
            found.add("/view", f"{MISSING}: submit, which input blocks need")
    if found.found:
        raise SlackError("invalid_arguments", problems=list(dict.fromkeys(found.found)))


def normalized(blocks: list[Json]) -> list[Json]:
    """A copy with the ids that Slack adds where they were left out."""
    made = copy.deepcopy(blocks)
    for block in made:
        block.setdefault("block_id", secrets.token_urlsafe(4)[:5])
        for element in elements_of(block):
            if element.get("type") != "image":
                element.setdefault("action_id", secrets.token_urlsafe(4)[:5])
    return made


def elements_of(block: Json) -> list[Json]:
    """The interactive elements (and images) of a block."""
    if block.get("type") == "actions":
        return [e for e in block.get("elements", []) if isinstance(e, dict)]
    single = block.get("accessory") or block.get("element")
    return [single] if isinstance(single, dict) else []
