"""Uses the local Slack the way a person does, for acceptance tests."""

from typing import Any

from bot.demo.localslack.errors import Json
from bot.demo.localslack.reader import Reader, view_text
from bot.demo.localslack.shown import Control, Shown, controls_of, picture


class Driver(Reader):
    """A person at the keyboard. Use as ``async with Driver(server.url) as slack:``."""

    async def command(self, text: str, *, user: str = "", channel: str = "") -> Json:
        """Type a slash command or a message; returns once the app has acknowledged it."""
        return await self.say(text, user=user, channel=channel)

    async def say(
        self, text: str, *, user: str = "", channel: str = "", thread_ts: str = ""
    ) -> Json:
        """Type anything into the composer, or into a thread's."""
        where = {"user": user or self.user, "channel": channel or self.channel}
        return await self.post("/local/command", {**where, "text": text, "thread_ts": thread_ts})

    async def click(
        self,
        target: str,
        *,
        message: Shown | None = None,
        option: Any = None,
        user: str = "",
        channel: str = "",
    ) -> Json:
        """Use a button, menu or other control, found by its label or action id.

        Args:
            target: the label (or its beginning) or the action id.
            message: where to look; otherwise the newest message that has such a control.
            option: for menus: the option's label or value; for other inputs what to enter.
            user: who clicks.
            channel: where.

        Raises:
            AssertionError: there is no such control; the text shows what was on the screen.
        """
        seen = await self.messages(user=user, channel=channel)
        if message is not None:
            seen = [m for m in seen if m.ts == message.ts] or [message]
        for candidate in reversed(seen):
            control = find_control(candidate.controls, target)
            if control is not None:
                return await self.post(
                    "/local/action",
                    {
                        "user": user or self.user,
                        "channel": candidate.raw["channel"],
                        "ts": candidate.ts,
                        "action_id": control.action_id,
                        "block_id": control.block_id,
                        "selected_option": option,
                    },
                )
        raise AssertionError(f"no control {target!r}. On the screen:\n{picture(seen)}")

    async def dismiss(self, message: Shown, *, user: str = "") -> Json:
        """Dismiss an ephemeral message."""
        where = {"channel": message.raw["channel"], "ts": message.ts}
        return await self.post("/local/dismiss", {"user": user or self.user, **where})

    async def click_in_modal(self, target: str, *, option: Any = None, user: str = "") -> Json:
        """Use a control inside the open modal, found by label or action id.

        Raises:
            AssertionError: there is no modal or no such control.
        """
        view = await self.wait_for_modal(user=user)
        return await self._click_view(view, target, option=option, user=user)

    async def click_in_home(self, target: str, *, option: Any = None, user: str = "") -> Json:
        """Use a control of App Home.

        Raises:
            AssertionError: there is no home yet or no such control.
        """
        view = await self.home(user=user)
        assert view is not None, "App Home is empty"  # noqa: S101 - this is a test tool
        return await self._click_view(view, target, option=option, user=user)

    async def _click_view(self, view: Json, target: str, *, option: Any, user: str) -> Json:
        control = find_control(controls_of(view["blocks"]), target)
        if control is None:
            raise AssertionError(f"no control {target!r}. On the screen:\n{view_text(view)}")
        body = {
            "user": user or self.user,
            "view_id": view["id"],
            "action_id": control.action_id,
            "block_id": control.block_id,
            "selected_option": option,
        }
        return await self.post("/local/view/action", body)

    async def submit(self, values: Json | None = None, *, user: str = "") -> Json:
        """Submit the open modal; ``values`` by block id or action id.

        Returns:
            ``{"ok": true}``, or ``ok`` false with ``errors`` by block id, or ``error``.
        """
        view = await self.wait_for_modal(user=user)
        body = {"user": user or self.user, "view_id": view["id"], "values": values or {}}
        return await self.post("/local/view/submit", body)

    async def close_modal(self, *, user: str = "") -> Json:
        """Press the open modal's close button."""
        view = await self.wait_for_modal(user=user)
        body = {"user": user or self.user, "view_id": view["id"]}
        return await self.post("/local/view/close", body)

    async def open_home(self, *, user: str = "") -> Json:
        """Open the app's Home tab."""
        return await self.post("/local/home", {"user": user or self.user})

    async def fault(self, method: str, kind: str, **more: Any) -> Json:
        """Make the next calls go wrong; see `faults.Fault` for the arguments."""
        return await self.post("/local/faults", {"method": method, "kind": kind, **more})

    async def clear_faults(self) -> Json:
        """Let all calls succeed again."""
        return await self.post("/local/faults/clear", {})

    async def socket(self, action: str) -> Json:
        """Do ``refresh``, ``warning``, ``disconnect`` or ``drop`` to all connections."""
        return await self.post("/local/socket", {"action": action})

    async def reset(self) -> Json:
        """Forget all messages, views, calls and faults."""
        return await self.post("/local/reset", {})


def find_control(controls: list[Control], target: str) -> Control | None:
    """A control by action id or label, or else by the beginning of its label."""
    for control in controls:
        if target in {control.action_id, control.label}:
            return control
    for control in controls:
        if control.label.startswith(target):
            return control
    return None
