"""What Slack demands of interactive elements and of the objects they are made of."""

import re
from collections.abc import Callable
from typing import Any

from bot.demo.localslack.checking import MISSING, Problems
from bot.demo.localslack.errors import Json

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d\d:\d\d")
_PLACEHOLDER = 150
_OPTION_LIMIT = 100
_CHOICE_LIMIT = 10


def check_confirm(found: Problems, holder: Json, path: str) -> None:
    """An optional confirmation dialog."""
    if "confirm" not in holder:
        return
    where = f"{path}/confirm"
    confirm = holder["confirm"]
    if not found.is_object(confirm, where):
        return
    found.text(confirm, "title", where, longest=100, plain=True)
    found.text(confirm, "text", where, longest=300)
    found.text(confirm, "confirm", where, longest=30, plain=True)
    found.text(confirm, "deny", where, longest=30, plain=True)
    _check_style(found, confirm, where)


def _check_style(found: Problems, holder: Json, path: str) -> None:
    if "style" in holder and holder["style"] not in {"primary", "danger"}:
        found.add(f"{path}/style", "must be one of: primary, danger")


def _check_option(found: Problems, option: Any, path: str, *, plain: bool) -> None:
    if not found.is_object(option, path):
        return
    found.text(option, "text", path, longest=75, plain=plain)
    found.string(option, "value", path, longest=150)
    found.text(option, "description", path, longest=75, plain=plain, required=False)


def _check_options(
    found: Problems, element: Json, path: str, *, least: int, most: int, plain: bool
) -> None:
    options = found.items(element, "options", path, least=least, most=most)
    values: list[str] = []
    for index, option in enumerate(options):
        _check_option(found, option, f"{path}/options/{index}", plain=plain)
        if isinstance(option, dict) and isinstance(option.get("value"), str):
            values.append(option["value"])
    if len(set(values)) != len(values):
        found.add(f"{path}/options", "option values must be unique")
    _check_initial(found, element, path, options)


def _check_initial(found: Problems, element: Json, path: str, options: list[Any]) -> None:
    chosen = element.get("initial_options", [])
    if "initial_option" in element:
        chosen = [element["initial_option"]]
    if "initial_options" in element and not chosen:
        found.add(f"{path}/initial_options", "no less than 1 items allowed")
    for option in chosen:
        if option not in options:
            found.add(f"{path}/initial_option", "must match one of the options")


def _button(found: Problems, element: Json, path: str) -> None:
    found.text(element, "text", path, longest=75, plain=True)
    found.string(element, "value", path, longest=2000, required=False)
    found.string(element, "accessibility_label", path, longest=75, required=False)
    url = found.string(element, "url", path, longest=3000, required=False)
    if url and not url.startswith(("http://", "https://", "slack://", "mailto:")):
        found.add(f"{path}/url", "must be a valid URL")
    _check_style(found, element, path)


def _select(found: Problems, element: Json, path: str) -> None:
    if "option_groups" not in element:
        _check_options(found, element, path, least=1, most=_OPTION_LIMIT, plain=True)
        return
    if "options" in element:
        found.add(path, "options and option_groups cannot both be given")
    groups = found.items(element, "option_groups", path, least=1, most=_OPTION_LIMIT)
    for index, group in enumerate(groups):
        where = f"{path}/option_groups/{index}"
        if found.is_object(group, where):
            found.text(group, "label", where, longest=75, plain=True)
            _check_options(found, group, where, least=1, most=_OPTION_LIMIT, plain=True)


def _overflow(found: Problems, element: Json, path: str) -> None:
    _check_options(found, element, path, least=2, most=5, plain=True)


def _choices(found: Problems, element: Json, path: str) -> None:
    _check_options(found, element, path, least=1, most=_CHOICE_LIMIT, plain=False)


def _text_input(found: Problems, element: Json, path: str) -> None:
    found.string(element, "initial_value", path, longest=3000, required=False)
    for key in ("min_length", "max_length"):
        if key in element and not (isinstance(element[key], int) and 0 <= element[key] <= 3000):  # noqa: PLR2004 - Slack's limit
            found.add(f"{path}/{key}", "must be between 0 and 3000")


def _number_input(found: Problems, element: Json, path: str) -> None:
    if not isinstance(element.get("is_decimal_allowed"), bool):
        found.add(path, f"{MISSING}: is_decimal_allowed")


def _date(found: Problems, element: Json, path: str) -> None:
    initial = element.get("initial_date")
    if initial is not None and not _DATE.fullmatch(str(initial)):
        found.add(f"{path}/initial_date", "must be a date in the format YYYY-MM-DD")


def _time(found: Problems, element: Json, path: str) -> None:
    initial = element.get("initial_time")
    if initial is not None and not _TIME.fullmatch(str(initial)):
        found.add(f"{path}/initial_time", "must be a time in the format HH:mm")


def _nothing_more(_found: Problems, _element: Json, _path: str) -> None:
    """For elements without fields of their own that matter here."""


def check_image(found: Problems, element: Json, path: str) -> None:
    """An image block or element: an address and a text for those who do not see it."""
    found.string(element, "alt_text", path, longest=2000)
    if "slack_file" not in element:
        url = found.string(element, "image_url", path, longest=3000)
        if url and not url.startswith(("http://", "https://")):
            found.add(f"{path}/image_url", "must be a valid URL")


_Check = Callable[[Problems, Json, str], None]

INTERACTIVE: dict[str, _Check] = {
    "button": _button,
    "static_select": _select,
    "multi_static_select": _select,
    "users_select": _nothing_more,
    "multi_users_select": _nothing_more,
    "channels_select": _nothing_more,
    "multi_channels_select": _nothing_more,
    "conversations_select": _nothing_more,
    "multi_conversations_select": _nothing_more,
    "external_select": _nothing_more,
    "multi_external_select": _nothing_more,
    "overflow": _overflow,
    "checkboxes": _choices,
    "radio_buttons": _choices,
    "datepicker": _date,
    "timepicker": _time,
    "datetimepicker": _nothing_more,
}
INPUTS: dict[str, _Check] = {
    "plain_text_input": _text_input,
    "number_input": _number_input,
    "email_text_input": _nothing_more,
    "url_text_input": _nothing_more,
    "rich_text_input": _nothing_more,
    "file_input": _nothing_more,
    **{kind: check for kind, check in INTERACTIVE.items() if kind not in {"button", "overflow"}},
}
IN_ACTIONS = frozenset(INTERACTIVE) - {kind for kind in INTERACTIVE if kind.startswith("multi_")}


def check_element(
    found: Problems, element: Any, path: str, *, allowed: dict[str, _Check] | None = None
) -> None:
    """One interactive element of a kind that is allowed in this place."""
    if not found.is_object(element, path):
        return
    kind = element.get("type")
    check = (INTERACTIVE if allowed is None else allowed).get(str(kind))
    if check is None:
        found.add(f"{path}/type", f"unsupported type: {kind}")
        return
    found.string(element, "action_id", path, longest=255, required=False)
    if kind != "overflow" and "placeholder" in element:
        found.text(element, "placeholder", path, longest=_PLACEHOLDER, plain=True)
    check(found, element, path)
    check_confirm(found, element, path)
