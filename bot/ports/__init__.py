"""What services need from outside, as protocols. Adapters and the tests' fakes satisfy them."""

from bot.ports.figures import Pulse, Telemetry
from bot.ports.own import AuditLog, Leadership, PlanStore, WatchStore
from bot.ports.queues import DoneSets, QueueOperator, QueueReader, QueueRemover
from bot.ports.slack import AlertWriter, Directory, Fresh, Messenger

__all__ = [
    "AlertWriter",
    "AuditLog",
    "Directory",
    "DoneSets",
    "Fresh",
    "Leadership",
    "Messenger",
    "PlanStore",
    "Pulse",
    "QueueOperator",
    "QueueReader",
    "QueueRemover",
    "Telemetry",
    "WatchStore",
]
