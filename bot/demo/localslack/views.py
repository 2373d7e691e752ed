"""Modals and App Home: what each person has open, in Slack's view objects."""

import copy
import hashlib
import json
from collections.abc import Callable

from bot.demo.localslack.errors import Json, SlackError
from bot.demo.localslack.workspace import Workspace, new_id

STACK_LIMIT = 3


class Views:
    """The stack of modals of each person, and everyone's App Home."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.stacks: dict[str, list[Json]] = {}
        self.homes: dict[str, Json] = {}

    def reset(self) -> None:
        """Close everything."""
        self.stacks.clear()
        self.homes.clear()

    def top(self, user: str) -> Json | None:
        """The modal a person is looking at."""
        stack = self.stacks.get(user)
        return stack[-1] if stack else None

    def open(self, user: str, view: Json) -> Json:
        """Show a modal to a person, in place of any stack they had open."""
        made = self._made(view, root="", previous=None)
        self.stacks[user] = [made]
        self._changed(user)
        return made

    def push(self, user: str, view: Json) -> Json:
        """Put a modal on top of the person's stack.

        Raises:
            SlackError: ``push_limit_reached`` above three, ``not_found`` without a modal.
        """
        stack = self.stacks.get(user)
        if not stack:
            raise SlackError("not_found")
        if len(stack) >= STACK_LIMIT:
            raise SlackError("push_limit_reached")
        made = self._made(view, root=stack[0]["id"], previous=stack[-1]["id"])
        stack.append(made)
        self._changed(user)
        return made

    def update(self, view: Json, *, matches: Callable[[Json], bool], expected_hash: str) -> Json:
        """Replace the content of an open modal or home.

        Raises:
            SlackError: ``not_found``, or ``hash_conflict`` if it changed meanwhile.
        """
        for user, stack in self.stacks.items():
            for index, old in enumerate(stack):
                if matches(old):
                    if expected_hash and expected_hash != old["hash"]:
                        raise SlackError("hash_conflict")
                    made = self._made(view, root=old["root_view_id"], previous=None, keep=old)
                    stack[index] = made
                    self._changed(user)
                    return made
        raise SlackError("not_found")

    def publish(self, user: str, view: Json, *, expected_hash: str) -> Json:
        """Set a person's App Home.

        Raises:
            SlackError: ``hash_conflict``.
        """
        old = self.homes.get(user)
        if expected_hash and old is not None and old["hash"] != expected_hash:
            raise SlackError("hash_conflict")
        made = self._made(view, root="", previous=None, keep=old)
        self.homes[user] = made
        self._workspace.emit({"type": "home", "user": user, "view": made})
        return made

    def close(self, user: str, *, everything: bool = False) -> list[Json]:
        """Close the top modal, or all; the closed ones are returned, top first."""
        stack = self.stacks.get(user, [])
        keep = 0 if everything or (stack and stack[-1].get("clear_on_close")) else len(stack) - 1
        closed = list(reversed(stack[max(keep, 0) :]))
        self.stacks[user] = stack[: max(keep, 0)]
        self._changed(user)
        return closed

    def find(self, user: str, view_id: str) -> Json:
        """An open modal or the home, by view id.

        Raises:
            SlackError: ``view_not_found``.
        """
        candidates = [*self.stacks.get(user, []), *filter(None, [self.homes.get(user)])]
        for view in candidates:
            if view["id"] == view_id:
                return view
        raise SlackError("view_not_found")

    def _changed(self, user: str) -> None:
        self._workspace.emit({"type": "view", "user": user, "view": self.top(user)})

    def _made(
        self, view: Json, *, root: str, previous: str | None, keep: Json | None = None
    ) -> Json:
        config = self._workspace.config
        view_id = keep["id"] if keep else new_id("V0")
        made: Json = {
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
            "close": None,
            "submit": None,
            "clear_on_close": False,
            "notify_on_close": False,
            "submit_disabled": False,
            **copy.deepcopy(view),
            "id": view_id,
            "team_id": config.team_id,
            "app_id": config.app_id,
            "app_installed_team_id": config.team_id,
            "bot_id": config.bot_id,
            "root_view_id": root or view_id,
            "previous_view_id": keep["previous_view_id"] if keep else previous,
            "state": keep["state"] if keep else {"values": {}},
        }
        self._check_external_id(made)
        digest = hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()[:8]
        made["hash"] = f"{int(self._workspace.clock())}.{digest}"
        return made

    def _check_external_id(self, made: Json) -> None:
        if not made["external_id"]:
            return
        for stack in self.stacks.values():
            for other in stack:
                if other["external_id"] == made["external_id"] and other["id"] != made["id"]:
                    raise SlackError("duplicate_external_id")
