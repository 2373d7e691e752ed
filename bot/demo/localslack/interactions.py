"""What a person does in Slack, turned into what the app receives."""

import re
from dataclasses import dataclass, field
from typing import Any

from bot.demo.localslack import blockkit, inputs, posting
from bot.demo.localslack.context import Context
from bot.demo.localslack.errors import DeliveryError, Json, SlackError
from bot.demo.localslack.socketmode import Delivery
from bot.demo.localslack.workspace import Message, new_id


@dataclass(kw_only=True)
class Interactions:
    """Commands, messages and clicks of people."""

    ctx: Context
    delivery: Delivery
    _states: dict[tuple[str, str], Json] = field(default_factory=dict)

    async def say(self, user: str, channel: str, text: str, thread_ts: str = "") -> Json:
        """Send what a person typed: a slash command or a message.

        Returns:
            ``{"ok": true}``, or ``{"ok": false, "error": ...}`` if the app did not take it.
        """
        workspace = self.ctx.workspace
        workspace.person(user)
        where = workspace.channels.get(channel) or workspace.channel(channel)
        if not text.startswith("/"):
            return await self._message(user, where.id, text, thread_ts)
        name, _, rest = text.partition(" ")
        if name not in {command.command for command in self.ctx.config.commands}:
            note = f"`{name}` is not a valid command. In Slack, all messages that start with "
            workspace.slackbot_says(where.id, user, note + 'the "/" character are commands.')
            return {"ok": False, "error": "unknown_command"}
        if thread_ts:
            workspace.slackbot_says(where.id, user, f"{name} is not supported in threads. Sorry!")
            return {"ok": False, "error": "not_supported_in_threads"}
        return await self._command(user, where.id, name, rest.strip())

    async def _command(self, user: str, channel: str, name: str, rest: str) -> Json:
        config, workspace = self.ctx.config, self.ctx.workspace
        room = workspace.channels[channel]
        payload: Json = {
            "token": "local",
            "team_id": config.team_id,
            "team_domain": config.team_domain,
            "channel_id": channel,
            "channel_name": "directmessage" if room.is_im else room.name,
            "user_id": user,
            "user_name": workspace.person(user).name,
            "command": name,
            "text": rest,
            "api_app_id": config.app_id,
            "is_enterprise_install": "false",
            "response_url": self.ctx.base_url
            + self.ctx.tickets.response(user=user, channel=channel),
            "trigger_id": self.ctx.tickets.trigger(user),
        }
        try:
            answer = await self.delivery.deliver("slash_commands", payload, accepts_response=True)
        except DeliveryError as failure:
            workspace.slackbot_says(channel, user, f'{name} failed with the error "{failure.name}"')
            return {"ok": False, "error": failure.name}
        if answer:
            self._answer_command(user, channel, f"{name} {rest}".strip(), answer)
        return {"ok": True}

    def _answer_command(self, user: str, channel: str, typed: str, answer: Json) -> None:
        shared = answer.get("response_type") == "in_channel"
        workspace = self.ctx.workspace
        if shared:
            workspace.add(Message(channel=channel, ts=workspace.next_ts(), user=user, text=typed))
        posting.post(
            workspace,
            workspace.channels[channel],
            answer,
            user=self.ctx.config.bot.id,
            ephemeral_to="" if shared else user,
        )

    async def _message(self, user: str, channel: str, text: str, thread_ts: str) -> Json:
        workspace = self.ctx.workspace
        room = workspace.channels[channel]
        text = self._with_mentions(text)
        message = posting.post(workspace, room, {"text": text, "thread_ts": thread_ts}, user=user)
        event: Json = {
            "user": user,
            "text": text,
            "ts": message.ts,
            "channel": channel,
            "event_ts": message.ts,
            "team": self.ctx.config.team_id,
        }
        if f"<@{self.ctx.config.bot.id}>" in text:
            await self.event({"type": "app_mention", **event})
        return {"ok": True, "ts": message.ts}

    def _with_mentions(self, text: str) -> str:
        """``@bob`` becomes ``<@U0BOB>``, as Slack's own composer does it."""
        people = {person.name: person.id for person in self.ctx.workspace.people.values()}

        def mention(match: re.Match[str]) -> str:
            user = people.get(match[1].lower())
            return f"<@{user}>" if user else match[0]

        return re.sub(r"(?<![<\w])@(\w+)", mention, text)

    async def event(self, event: Json) -> Json:
        """Send an Events API event; a failure is reported, not shown, as in Slack."""
        config = self.ctx.config
        payload: Json = {
            "token": "local",
            "team_id": config.team_id,
            "api_app_id": config.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": new_id("Ev0"),
            "event_time": int(self.ctx.workspace.clock()),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": config.team_id,
                    "user_id": config.bot.id,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
        }
        try:
            await self.delivery.deliver("events_api", payload, accepts_response=False)
        except DeliveryError as failure:
            return {"ok": False, "error": failure.name}
        return {"ok": True}

    async def open_home(self, user: str) -> Json:
        """A person opens the app's Home tab."""
        event: Json = {
            "type": "app_home_opened",
            "user": user,
            "channel": self.ctx.workspace.open_im(user).id,
            "tab": "home",
            "event_ts": self.ctx.workspace.next_ts(),
        }
        home = self.ctx.views.homes.get(user)
        if home:
            event["view"] = home
        return await self.event(event)

    def envelope(self, kind: str, user: str) -> Json:
        """The fields that every interactive payload has."""
        config = self.ctx.config
        person = self.ctx.workspace.person(user)
        return {
            "type": kind,
            "user": {
                "id": user,
                "username": person.name,
                "name": person.name,
                "team_id": config.team_id,
            },
            "api_app_id": config.app_id,
            "token": "local",
            "team": {"id": config.team_id, "domain": config.team_domain},
            "enterprise": None,
            "is_enterprise_install": False,
            "trigger_id": self.ctx.tickets.trigger(user),
        }

    async def click(
        self, *, user: str, channel: str, ts: str, action_id: str, block_id: str, value: Any
    ) -> Json:
        """A person uses an element of a message.

        Raises:
            SlackError: ``message_not_found``, ``action_not_found``, ``invalid_option``.
        """
        message = self.ctx.workspace.message(channel, ts)
        if message.ephemeral_to not in {"", user}:
            raise SlackError("message_not_found")
        groups = [(message.blocks or [], 0)]
        groups += [(a.get("blocks", []), a["id"]) for a in message.attachments or []]
        for blocks, attachment in groups:
            found = find_element(blocks, action_id, block_id)
            if found:
                block, element = found
                return await self._click(message, user, block, element, value, attachment)
        raise SlackError("action_not_found")

    async def _click(
        self, message: Message, user: str, block: Json, element: Json, value: Any, attachment: int
    ) -> Json:
        state = inputs.value_state(element, value)
        values = self._states.setdefault((user, message.channel + message.ts), {})
        if element["type"] not in {"button", "overflow"}:
            values.setdefault(block["block_id"], {})[element["action_id"]] = state
        payload = self.envelope("block_actions", user) | self._place(message, user, attachment)
        payload["state"] = {"values": values}
        at = self.ctx.workspace.next_ts()
        payload["actions"] = [inputs.action(element, block["block_id"], state, at)]
        if message.action_errors.pop(user, None):
            self.ctx.workspace.announce(message)
        try:
            await self.delivery.deliver("interactive", payload, accepts_response=False)
        except DeliveryError as failure:
            message.action_errors[user] = failure.name
            self.ctx.workspace.announce(message)
            return {"ok": False, "error": failure.name}
        return {"ok": True}

    def _place(self, message: Message, user: str, attachment: int) -> Json:
        room = self.ctx.workspace.channels[message.channel]
        container: Json = {
            "type": "message_attachment" if attachment else "message",
            "message_ts": message.ts,
            "channel_id": message.channel,
            "is_ephemeral": bool(message.ephemeral_to),
        }
        if attachment:
            container |= {"attachment_id": attachment, "is_app_unfurl": False}
        if message.thread_ts:
            container["thread_ts"] = message.thread_ts
        url = self.ctx.tickets.response(
            user=user,
            channel=message.channel,
            message_ts=message.ts,
            thread_ts=message.thread_ts,
        )
        placed: Json = {
            "container": container,
            "channel": {
                "id": room.id,
                "name": "directmessage" if room.is_im else room.name,
            },
            "response_url": self.ctx.base_url + url,
        }
        if not message.ephemeral_to:
            body = posting.to_api(self.ctx.workspace, message, with_metadata=True)
            placed["message"] = body
        return placed


def find_element(blocks: list[Json], action_id: str, block_id: str) -> tuple[Json, Json] | None:
    """The block and element with this action id; an empty block id matches any block."""
    for block in blocks:
        if block_id and block.get("block_id") != block_id:
            continue
        for element in blockkit.elements_of(block):
            if element.get("action_id") == action_id:
                return block, element
    return None
