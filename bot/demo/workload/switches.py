"""The switches of the demo page, with what each of them does."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Switch:
    """One switch; `help` says what will happen and which alert to expect."""

    id: str
    label: str
    help: str
    kind: Literal["toggle", "button"] = "toggle"


SWITCHES = (
    Switch(
        id="whmcs_down",
        label="WHMCS down",
        help="Every order fails with WHMCS_ERROR, so expect a Failed Jobs Spike on "
        "order-provisioning within about 20 seconds; once WHMCS is back, a retry succeeds.",
    ),
    Switch(
        id="freebit_refused",
        label="Freebit refuses login",
        help="Every SIM operation fails with FREEBIT_AUTH_FAILED, so expect a Failed Jobs Spike "
        "on sim-management within about half a minute.",
    ),
    Switch(
        id="processor_stopped",
        label="Stop the processor",
        help="The worker process gets SIGTERM, so expect a Queue Backlog and Processor Down on "
        "order-provisioning within about half a minute; turned off, it starts again.",
    ),
    Switch(
        id="mapping_added",
        label="Add the missing product mapping",
        help="Fills in WH_Product_ID__c for the one unmapped product: no alert, but a retry of "
        "the MAPPING_ERROR orders now succeeds.",
    ),
    Switch(
        id="burst",
        label="Send 100 orders at once",
        help="Adds 100 orders, so expect Queue Backlog Critical on order-provisioning at once; "
        "it resolves by itself in about half a minute.",
        kind="button",
    ),
    Switch(
        id="hang",
        label="Hang one order",
        help="Adds one order that WHMCS takes three minutes to answer, so expect a Job Timeout "
        "on order-provisioning after 20 seconds.",
        kind="button",
    ),
)
"""In the order in which the page shows them."""


def find_switch(switch_id: str) -> Switch:
    """Give one switch.

    Raises:
        ValueError: there is no such switch; the text names those there are.
    """
    for switch in SWITCHES:
        if switch.id == switch_id:
            return switch
    known = ", ".join(switch.id for switch in SWITCHES)
    raise ValueError(f"There is no switch {switch_id!r}; there are {known}.")
