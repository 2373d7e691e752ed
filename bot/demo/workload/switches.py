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
        "order-provisioning within about half a minute (with a hung order, `unstick` has work "
        "after 10 seconds); turned off, it starts again.",
    ),
    Switch(
        id="mapping_added",
        label="Add the missing product mapping",
        help="Fills in WH_Product_ID__c for the one unmapped product: no alert, but a retry of "
        "the MAPPING_ERROR orders now succeeds.",
    ),
    Switch(
        id="salesforce_refuses",
        label="Salesforce refuses to activate",
        help="A validation rule refuses every order that is set to Activating: a retry through "
        "Salesforce shows its words for each, and changes nothing.",
    ),
    Switch(
        id="salesforce_down",
        label="Salesforce down",
        help="Every request to Salesforce is answered with 503: the job view says that the order "
        "is unknown, and a retry through Salesforce changes nothing.",
    ),
    Switch(
        id="event_lost",
        label="Lose the event of an order",
        help="An order is set to Activating and the event of it is lost, so expect it in the "
        "status of order-provisioning after half a minute, with a button that sets it right.",
        kind="button",
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
    Switch(
        id="fill",
        label="Fill with 20,000 failed jobs",
        help="Adds 20,000 imported orders that failed in an outage of WHMCS, now over: expect no "
        "alert until they are retried, when nine of ten succeed, about a thousand a second.",
        kind="button",
    ),
    Switch(
        id="bare_clean",
        label="Clean failed orders by hand",
        help="Runs the old runbook's ZREMRANGEBYSCORE, which forgets the failed orders and leaves "
        "their data in Redis for ever: `clean order-provisioning orphans` finds and removes it.",
        kind="button",
    ),
    Switch(
        id="lose_data",
        label="Lose the data of 40 failed orders",
        help="Deletes the data of the 40 newest failed orders (or of all there are) and leaves "
        "their ids, as an eviction does: `failed order-provisioning` counts them, and "
        "`clean order-provisioning ghosts` removes the ids.",
        kind="button",
    ),
)
"""In the order in which the page shows them."""

BOT_SWITCHES = (
    Switch(
        id="two_bots",
        label="Two Bullhorns",
        help="Starts a second replica on the same Redis and Slack: one leads and watches, both "
        "answer and run repairs.",
    ),
    Switch(
        id="kill_bot",
        label="Kill the Bullhorn at work",
        help="SIGKILL for the one that runs a repair, or else for the one that leads: a second "
        "one goes on within 15 seconds, and the killed one is back after 20.",
        kind="button",
    ),
)
"""The switches of Bullhorn itself, after the others."""


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
