"""What a person does in a modal or in App Home: choose, submit, close."""

from dataclasses import dataclass
from typing import Any

from bot.demo.localslack import blockkit, inputs
from bot.demo.localslack.errors import DeliveryError, Json, SlackError
from bot.demo.localslack.interactions import Interactions, find_element
from bot.demo.localslack.methods_views import prepared

REQUIRED = "Please complete this required field."


@dataclass(kw_only=True)
class Modals:
    """Submissions and clicks inside views."""

    interactions: Interactions

    async def click(
        self, *, user: str, view_id: str, action_id: str, block_id: str, value: Any
    ) -> Json:
        """A person uses an element of a modal or of App Home.

        Raises:
            SlackError: ``view_not_found``, ``action_not_found``, ``invalid_option``.
        """
        ctx = self.interactions.ctx
        view = ctx.views.find(user, view_id)
        found = find_element(view["blocks"], action_id, block_id)
        if found is None:
            raise SlackError("action_not_found")
        block, element = found
        state = inputs.value_state(element, value)
        if element["type"] not in {"button", "overflow"}:
            values = view["state"]["values"]
            values.setdefault(block["block_id"], {})[action_id] = state
        if block["type"] == "input" and not block.get("dispatch_action"):
            return {"ok": True}
        at = ctx.workspace.next_ts()
        payload = self.interactions.envelope("block_actions", user) | {
            "container": {"type": "view", "view_id": view_id},
            "view": view,
            "actions": [inputs.action(element, block["block_id"], state, at)],
        }
        return await self._deliver(payload)

    async def submit(self, *, user: str, view_id: str, values: Json) -> Json:
        """A person presses a modal's submit button.

        Args:
            user: who.
            view_id: the modal.
            values: block id (or action id) to what was put in; what is missing keeps the
                value it has.

        Returns:
            ``{"ok": true}``, or ``ok`` false with ``errors`` by block id, or ``error``.
        """
        ctx = self.interactions.ctx
        view = ctx.views.find(user, view_id)
        errors = _fill(view, values)
        if errors:
            return {"ok": False, "errors": errors}
        payload = self.interactions.envelope("view_submission", user)
        payload |= {"view": view, "response_urls": []}
        try:
            answer = await self.interactions.delivery.deliver(
                "interactive", payload, accepts_response=True
            )
        except DeliveryError as failure:
            return {"ok": False, "error": failure.name}
        return self._after_submit(user, view_id, answer or {})

    def _after_submit(self, user: str, view_id: str, answer: Json) -> Json:
        views = self.interactions.ctx.views
        action = answer.get("response_action")
        if action == "errors":
            return {"ok": False, "errors": dict(answer.get("errors", {}))}
        try:
            if action == "update":
                view = prepared(answer.get("view"), {"modal"})
                views.update(view, matches=lambda v: v["id"] == view_id, expected_hash="")
            elif action == "push":
                views.push(user, prepared(answer.get("view"), {"modal"}))
            elif action == "clear":
                views.close(user, everything=True)
            else:
                top = views.top(user)
                if top is not None and top["id"] == view_id:
                    views.close(user)
        except SlackError as refusal:
            return refusal.body()
        return {"ok": True}

    async def close(self, *, user: str, view_id: str) -> Json:
        """A person closes a modal; the app hears of it if it asked to.

        Raises:
            SlackError: ``view_not_found``.
        """
        views = self.interactions.ctx.views
        view = views.find(user, view_id)
        closed = views.close(user)
        if view.get("notify_on_close"):
            payload = self.interactions.envelope("view_closed", user)
            return await self._deliver(payload | {"view": view, "is_cleared": len(closed) > 1})
        return {"ok": True}

    async def _deliver(self, payload: Json) -> Json:
        try:
            await self.interactions.delivery.deliver("interactive", payload, accepts_response=False)
        except DeliveryError as failure:
            return {"ok": False, "error": failure.name}
        return {"ok": True}


def _fill(view: Json, values: Json) -> dict[str, str]:
    """Put the values into ``view.state``; returns what a person must correct, by block id."""
    errors: dict[str, str] = {}
    state = view["state"]["values"]
    for block in view["blocks"]:
        for element in blockkit.elements_of(block):
            if element["type"] in {"button", "overflow", "image"}:
                continue
            block_id, action_id = block["block_id"], element["action_id"]
            known = state.get(block_id, {}).get(action_id) or inputs.initial_state(element)
            for key in (block_id, action_id):
                if key in values:
                    known = inputs.value_state(element, _unwrapped(values[key], action_id))
            state.setdefault(block_id, {})[action_id] = known
            needed = block["type"] == "input" and not block.get("optional")
            if needed and inputs.is_empty(known):
                errors[block_id] = REQUIRED
            elif problem := _length_problem(element, known):
                errors[block_id] = problem
    return errors


def _unwrapped(value: Any, action_id: str) -> Any:
    return value.get(action_id) if isinstance(value, dict) and action_id in value else value


def _length_problem(element: Json, state: Json) -> str:
    text = state.get("value")
    if element["type"] != "plain_text_input" or not text:
        return ""
    if len(text) < element.get("min_length", 0):
        return f"Please enter at least {element['min_length']} characters."
    if len(text) > element.get("max_length", 3000):
        return f"Please enter at most {element['max_length']} characters."
    return ""
