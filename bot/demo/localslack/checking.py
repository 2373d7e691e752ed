"""Collects what is wrong with a payload, worded and located the way Slack does it."""

from typing import Any

from bot.demo.localslack.errors import Json

MISSING = "missing required field"


class Problems:
    """The complaints about one payload, each with a JSON pointer to its place."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, path: str, what: str) -> None:
        """Note a complaint about the value at ``path``."""
        self.found.append(f"{what} [json-pointer:{path}]")

    def is_object(self, value: Any, path: str) -> bool:
        """Whether the value is a JSON object; a complaint if not."""
        if isinstance(value, dict):
            return True
        self.add(path, "must be an object")
        return False

    def string(
        self, holder: Json, key: str, path: str, *, longest: int, required: bool = True
    ) -> str:
        """A string field of at most ``longest`` characters, or "" with complaints."""
        value = holder.get(key)
        if value is None:
            if required:
                self.add(path, f"{MISSING}: {key}")
            return ""
        if not isinstance(value, str):
            self.add(f"{path}/{key}", "must be a string")
            return ""
        if required and not value:
            self.add(f"{path}/{key}", "must be more than 0 characters")
        if len(value) > longest:
            self.add(f"{path}/{key}", f"must be less than {longest + 1} characters")
        return value

    def items(
        self, holder: Json, key: str, path: str, *, least: int, most: int, required: bool = True
    ) -> list[Any]:
        """An array field with ``least`` to ``most`` items, or [] with complaints."""
        value = holder.get(key)
        if value is None:
            if required:
                self.add(path, f"{MISSING}: {key}")
            return []
        if not isinstance(value, list):
            self.add(f"{path}/{key}", "must be an array")
            return []
        if len(value) < least:
            self.add(f"{path}/{key}", f"no less than {least} items allowed")
        if len(value) > most:
            self.add(f"{path}/{key}", f"no more than {most} items allowed")
        return value

    def text(
        self,
        holder: Json,
        key: str,
        path: str,
        *,
        longest: int,
        plain: bool = False,
        required: bool = True,
    ) -> None:
        """A text object; ``plain`` where Slack takes no mrkdwn."""
        value = holder.get(key)
        if value is None:
            if required:
                self.add(path, f"{MISSING}: {key}")
            return
        self.text_object(value, f"{path}/{key}", longest=longest, plain=plain)

    def text_object(self, value: Any, path: str, *, longest: int, plain: bool = False) -> None:
        """A text object given directly, as in fields and context elements."""
        if not self.is_object(value, path):
            return
        kind = value.get("type")
        if plain and kind != "plain_text":
            self.add(f"{path}/type", "must be plain_text")
        elif kind not in {"plain_text", "mrkdwn"}:
            self.add(f"{path}/type", f"unsupported type: {kind}")
        if kind == "mrkdwn" and "emoji" in value:
            self.add(path, "invalid additional property: emoji")
        if kind == "plain_text" and "verbatim" in value:
            self.add(path, "invalid additional property: verbatim")
        self.string(value, "text", path, longest=longest)

    def flag(self, holder: Json, key: str, path: str) -> None:
        """An optional boolean field."""
        if key in holder and not isinstance(holder[key], bool):
            self.add(f"{path}/{key}", "must be a boolean")
