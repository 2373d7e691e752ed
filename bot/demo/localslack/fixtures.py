"""Who and what exists in the local workspace: every id, name and token in one place."""

from dataclasses import dataclass

ALICE = "U0ALICE"
BOB = "U0BOB"
VERA = "U0VERA"
DANA = "U0DANA"
BOT = "U0BULLHORN"
SLACKBOT = "USLACKBOT"
INCIDENTS = "C0INCIDENTS"
ORDERS = "C0ORDERS"
GENERAL = "C0GENERAL"


@dataclass(frozen=True, kw_only=True)
class Person:
    """Someone (or some app) with a Slack user id."""

    id: str
    name: str
    real_name: str
    role: str = ""
    color: str = "#3c7fb1"
    is_bot: bool = False


@dataclass(frozen=True, kw_only=True)
class Room:
    """A channel that exists from the start."""

    id: str
    name: str
    topic: str = ""
    is_private: bool = False
    bot_is_member: bool = True


@dataclass(frozen=True, kw_only=True)
class Group:
    """A user group, such as @oncall."""

    id: str
    handle: str
    name: str
    members: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SlashCommand:
    """A slash command the app has registered, as the composer suggests it."""

    command: str
    description: str
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class WorkspaceConfig:
    """Everything about the workspace that a test or a demo may want to change.

    Attributes:
        scopes: the bot token's scopes; a method outside them answers ``missing_scope``.
            None checks nothing.
        ack_timeout: seconds the app has to acknowledge (Slack: 3).
        trigger_lifetime: seconds a trigger id lives (Slack: 3).
    """

    team_id: str = "T0BULLHORN"
    team_domain: str = "bullhorn-demo"
    team_name: str = "Bullhorn demo"
    app_id: str = "A0BULLHORN"
    bot_id: str = "B0BULLHORN"
    bot_token: str = "xoxb-demo"  # noqa: S105 - not a secret: only this process accepts it
    app_token: str = "xapp-demo"  # noqa: S105 - as above
    signing_secret: str = "demo-signing-secret"  # noqa: S105 - as above
    bot: Person = Person(
        id=BOT, name="bullhorn", real_name="Bullhorn", color="#c2410c", is_bot=True
    )
    people: tuple[Person, ...] = (
        Person(id=ALICE, name="alice", real_name="Alice", role="admin", color="#8a3ffc"),
        Person(id=BOB, name="bob", real_name="Bob", role="operator", color="#00695c"),
        Person(id=VERA, name="vera", real_name="Vera", role="viewer", color="#ad1457"),
        Person(id=DANA, name="dana", real_name="Dana", role="admin", color="#5d6b1f"),
    )
    rooms: tuple[Room, ...] = (
        Room(id=INCIDENTS, name="incidents", topic="Alerts from every queue"),
        Room(id=ORDERS, name="orders", topic="Order provisioning, with the orders team"),
        Room(id=GENERAL, name="general", topic="Company-wide announcements and work matters"),
    )
    groups: tuple[Group, ...] = (
        Group(id="S0ONCALL", handle="oncall", name="On call", members=(ALICE, BOB)),
    )
    commands: tuple[SlashCommand, ...] = (
        SlashCommand(
            command="/queue",
            description="Watch and repair BullMQ queues",
            hint="status | failed QUEUE | retry QUEUE ID | help",
        ),
    )
    scopes: frozenset[str] | None = None
    ack_timeout: float = 3.0
    trigger_lifetime: float = 3.0


DEFAULT_WORKSPACE = WorkspaceConfig()
