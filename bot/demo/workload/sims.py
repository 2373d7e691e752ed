"""SIM-management jobs: network type changes that wait for their gap before they run."""

import random
from datetime import datetime
from typing import Any

from bot.demo.workload.systems import BUSY_SIM, REFUSED_SIM, UNKNOWN_SIM

SIM_QUEUE = "sim-management"
SIM_JOB = "networkTypeChange"
SIM_FAULTS = ("FREEBIT_AUTH_FAILED", "ACCOUNT_NOT_FOUND", "OPERATION_CONFLICT")

_SOUND_SIM = "08077"
_PREFIX_OF_FAULT = {
    "FREEBIT_AUTH_FAILED": REFUSED_SIM,
    "ACCOUNT_NOT_FOUND": UNKNOWN_SIM,
    "OPERATION_CONFLICT": BUSY_SIM,
}


def sim_data(*, dice: random.Random, due: datetime, fault: str | None = None) -> dict[str, Any]:
    """Make one job's data; `due` is when it is to run, `fault` the error code it is to meet."""
    prefix = _PREFIX_OF_FAULT[fault] if fault else _SOUND_SIM
    return {
        "subscriptionId": dice.randrange(20_000, 40_000),
        "simAccount": f"{prefix}{dice.randrange(10**6):06d}",
        "operation": SIM_JOB,
        "params": {"networkType": dice.choice(("4G", "5G", "5G"))},
        "scheduledAt": due.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
