"""What services need from outside, as protocols. Adapters and the tests' fakes satisfy them."""

from bot.ports.archive import Archive
from bot.ports.figures import Pulse, Telemetry
from bot.ports.operations import (
    Ended,
    OperationQueue,
    OperationStore,
    OperationWriter,
    OutcomeReader,
)
from bot.ports.own import AuditLog, Leadership, PlanStore, WatchStore
from bot.ports.queues import QueueOperator, QueueReader
from bot.ports.removal import DoneSets, QueueRemover
from bot.ports.salesforce import OrderSystem
from bot.ports.slack import AlertWriter, Directory, Fresh, Messenger

__all__ = [
    "AlertWriter",
    "Archive",
    "AuditLog",
    "Directory",
    "DoneSets",
    "Ended",
    "Fresh",
    "Leadership",
    "Messenger",
    "OperationQueue",
    "OperationStore",
    "OperationWriter",
    "OrderSystem",
    "OutcomeReader",
    "PlanStore",
    "Pulse",
    "QueueOperator",
    "QueueReader",
    "QueueRemover",
    "Telemetry",
    "WatchStore",
]
