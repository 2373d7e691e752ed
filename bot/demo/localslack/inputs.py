"""What a person put into an element, in the shapes that Slack sends to the app."""

from typing import Any

from bot.demo.localslack.errors import Json, SlackError

_PICKED = {
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "users_select": "selected_user",
    "channels_select": "selected_channel",
    "conversations_select": "selected_conversation",
    "multi_users_select": "selected_users",
    "multi_channels_select": "selected_channels",
    "multi_conversations_select": "selected_conversations",
}
_ONE = {"static_select", "external_select", "radio_buttons", "overflow"}
_SEVERAL = {"checkboxes", "multi_static_select", "multi_external_select"}


def options_of(element: Json) -> list[Json]:
    """All options of a select, checkboxes, radio buttons or overflow menu."""
    options: list[Json] = list(element.get("options", []))
    for group in element.get("option_groups", []):
        options += group.get("options", [])
    return options


def _option(element: Json, value: Any) -> Json:
    wanted = value.get("value") if isinstance(value, dict) else value
    for option in options_of(element):
        if wanted in {option["value"], option["text"]["text"]}:
            return option
    raise SlackError("invalid_option", problems=[f"no option {wanted!r}"])


def value_state(element: Json, value: Any) -> Json:
    """The entry in ``state.values`` for an element.

    Args:
        element: the element as the app made it.
        value: what the person chose: text, an option's value or label, or a list of them.
            None means nothing.

    Raises:
        SlackError: ``invalid_option`` for an option that is not there.
    """
    kind = element["type"]
    if kind in _ONE:
        return {
            "type": kind,
            "selected_option": None if value in (None, "") else _option(element, value),
        }
    if kind in _SEVERAL:
        chosen = value if isinstance(value, list) else [value] if value else []
        return {"type": kind, "selected_options": [_option(element, item) for item in chosen]}
    if kind in _PICKED:
        return {"type": kind, _PICKED[kind]: value or None}
    if kind == "button":
        return {"type": kind, "value": element.get("value")}
    return {"type": kind, "value": None if value in (None, "") else str(value)}


def initial_state(element: Json) -> Json:
    """The entry in ``state.values`` before the person has touched the element."""
    for key in ("initial_value", "initial_option", "initial_options", "initial_date"):
        if key in element:
            return value_state(element, element[key])
    for key, value in element.items():
        if key.startswith("initial_"):
            return value_state(element, value)
    return value_state(element, None)


def is_empty(state: Json) -> bool:
    """Whether an entry of ``state.values`` holds nothing."""
    return all(value in (None, "", []) for key, value in state.items() if key != "type")


def action(element: Json, block_id: str, state: Json, action_ts: str) -> Json:
    """The entry in ``actions`` for a click or choice."""
    made: Json = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block_id,
        "action_ts": action_ts,
    }
    for key in ("text", "style", "value", "placeholder", "confirm", "url"):
        if key in element:
            made[key] = element[key]
    return made | {key: value for key, value in state.items() if key != "type"}
