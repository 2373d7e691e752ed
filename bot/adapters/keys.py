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


def plan(plan_id: str) -> str:
    """The key of one plan."""
    return f"{PREFIX}plan:{plan_id}"
