"""The layout of Bullhorn's own state in Redis.

All keys share one hash slot, so that a commit is one script in a cluster too.

| Key under `{bullhorn}:` | Type | Holds | Written by |
| --- | --- | --- | --- |
| `lease`, `epoch` | string | the leader's token; its term | whoever takes the lease |
| `watch` | hash | queue -> QueueMemory | leader |
| `incidents` | hash | number -> Incident, open or not yet shown as resolved | leader |
| `notices` | hash | number -> Notice: what Slack shows | leader |
| `closed` | list | the newest resolved incidents | leader |
| `next` | string | the next incident's number | leader |
| `ticked` | string | when the last tick was committed, Redis `TIME` in ms | leader |
| `queues` | set | the queues last discovered | leader |
| `inbox` | list | marks people made, waiting for the leader | any replica |
| `silences` | hash | id -> Silence | any replica |
| `plan:ID` | string | a stored plan, with its expiry | any replica |
| `running` | set | plans that were begun and have not ended | any replica |
| `begun` | zset | plans by when they last began or ended, of the last hour | any replica |
| `asked` | zset | plans a second admin was asked about, by until when | any replica |
| `operation:ID` | string | a long operation's state | the replica that runs it |
| `operation:ID:run` | string | which run of a replica has it | the replica that runs it |
| `operation:ID:stop:ATTEMPT` | string | who asked that attempt to stop | any replica |
| `operations:*` | BullMQ | Bullhorn's own queue, which runs them | any replica |
| `once:NAME` | string | that an audit entry was written | any replica |
| `archive:ID` | hash | a batch's number -> its jobs, compressed | the replica that runs ID |
| `archive:ID:facts` | hash | whose they are, how many, how large | as above |
| `archive:ID:open` | set | the batches of which jobs may not be removed yet | as above |
| `archives` | zset | the archives by when they expire | any replica |
| `archives:sizes`, `archives:total` | hash, string | bytes of each; of all | any replica |
| `audit` | stream | who did what, capped | any replica |
"""

from __future__ import annotations

from typing import Final

PREFIX: Final = "{bullhorn}:"

LEASE: Final = PREFIX + "lease"
EPOCH: Final = PREFIX + "epoch"
WATCH: Final = PREFIX + "watch"
INCIDENTS: Final = PREFIX + "incidents"
NOTICES: Final = PREFIX + "notices"
CLOSED: Final = PREFIX + "closed"
NEXT: Final = PREFIX + "next"
TICKED: Final = PREFIX + "ticked"
QUEUES: Final = PREFIX + "queues"
INBOX: Final = PREFIX + "inbox"
SILENCES: Final = PREFIX + "silences"
AUDIT: Final = PREFIX + "audit"
RUNNING: Final = PREFIX + "running"
BEGUN: Final = PREFIX + "begun"
ASKED: Final = PREFIX + "asked"
ARCHIVES: Final = PREFIX + "archives"
ARCHIVE_SIZES: Final = PREFIX + "archives:sizes"
ARCHIVE_TOTAL: Final = PREFIX + "archives:total"


def plan(plan_id: str) -> str:
    """The key of one plan."""
    return f"{PREFIX}plan:{plan_id}"


def once(name: str) -> str:
    """The key that says that the audit entry of this name was written."""
    return f"{PREFIX}once:{name}"


def operation(operation_id: str) -> str:
    """The key of one operation's state."""
    return f"{PREFIX}operation:{operation_id}"


def operation_stop(operation_id: str, attempt: str) -> str:
    """The key that says who asked this attempt of an operation to stop."""
    return f"{PREFIX}operation:{operation_id}:stop:{attempt}"


def archive(archive_id: str, part: str = "") -> str:
    """The key of an archive's batches, or of another part of it."""
    return f"{PREFIX}archive:{archive_id}{part and ':'}{part}"


def operation_run(operation_id: str) -> str:
    """The key that says which run of a replica has an operation."""
    return f"{PREFIX}operation:{operation_id}:run"
