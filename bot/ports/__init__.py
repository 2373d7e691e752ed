"""What services need from outside, as protocols. Adapters and the tests' fakes satisfy them."""

from bot.ports.figures import Pulse, Telemetry
from bot.ports.own import AuditLog, Leadership, PlanStore, WatchStore
from bot.ports.queues import QueueOperator, QueueReader
from bot.ports.slack import AlertWriter, Directory, Fresh, Messenger

__all__ = [
    "AlertWriter",
    "AuditLog",
    "Directory",
    "Fresh",
    "Leadership",
    "Messenger",
    "PlanStore",
    "Pulse",
    "QueueOperator",
    "QueueReader",
    "Telemetry",
    "WatchStore",
]
