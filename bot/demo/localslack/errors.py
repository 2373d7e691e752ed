"""The refusals of the local Slack, by Slack's own error names."""

from typing import Any

Json = dict[str, Any]


class SlackError(Exception):
    """A refusal that a Web API caller receives as ``{"ok": false, "error": name}``."""

    def __init__(self, name: str, *, problems: list[str] | None = None, **extra: Any) -> None:
        super().__init__(name if not problems else f"{name}: {'; '.join(problems)}")
        self.name = name
        self.problems = problems or []
        self.extra = extra

    def body(self) -> Json:
        """The JSON answer, with details in the form Slack gives them."""
        answer: Json = {"ok": False, "error": self.name, **self.extra}
        if self.problems:
            answer["errors"] = self.problems
            answer["response_metadata"] = {"messages": [f"[ERROR] {p}" for p in self.problems]}
        return answer


class DeliveryError(Exception):
    """The app did not take an event: ``operation_timeout`` or ``dispatch_failed``."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name
