"""The systems around the portal (Salesforce, WHMCS, Freebit), as far as its jobs can tell.

What a system answers follows from the job's data, the demo's switches and the time alone. So a
fault that nobody repaired fails again when retried, and a fault that passed does not.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

SWITCHES_KEY = "demo:switches"
"""The Redis hash, switch id to "1" or "0", through which the demo page reaches the processor."""

PASSES_AFTER = timedelta(seconds=20)
"""How long after a job is due its passing fault lasts: longer than all its attempts take."""

LIVE_ORDER_PREFIX = "8014x"
"""Orders of today's Salesforce organisation; those of the one before it are gone."""

SLOW_PRODUCT = "Hikari TV Premium Option"
"""WHMCS times out on it for a while, then accepts it."""

HANGING_PRODUCT = "Dark Fibre Circuit (site survey)"
"""WHMCS takes minutes to answer for it."""

UNMAPPED_PRODUCT = "Mesh Wi-Fi Router (rental)"
"""New in Salesforce; nobody has filled in its `WH_Product_ID__c` yet."""

PRODUCT_MAPPING: Mapping[str, int | None] = {
    "Hikari Internet Gold 1G": 188,
    "Hikari Internet Platinum 10G": 191,
    "Mobile Data SIM 25GB": 204,
    "Mobile Voice SIM 5GB": 207,
    "Global VPN Router (UK)": 93,
    "Hikari Phone": 176,
    SLOW_PRODUCT: 215,
    HANGING_PRODUCT: 231,
    UNMAPPED_PRODUCT: None,
}
"""Product name in Salesforce -> product id in WHMCS."""

UNKNOWN_SIM, BUSY_SIM, REFUSED_SIM = "08040", "08041", "08042"
"""First digits of SIM accounts with a fault; see `Systems.freebit_change_network`."""

_TIMEOUTS = (
    "connect ETIMEDOUT 203.0.113.7:443",
    "connect ETIMEDOUT 203.0.113.8:443",
    "connect ETIMEDOUT 203.0.113.7:443 (AddOrder, 10000 ms)",
)


class SystemRefusedError(Exception):
    """A system said no, or nothing; the text begins with the runbook's error code."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Systems:
    """The outside systems as they are at one moment."""

    now: datetime = field(default_factory=lambda: datetime.now(tz=UTC))
    whmcs_down: bool = False
    freebit_refused: bool = False
    mapping_added: bool = False

    @classmethod
    def from_switches(cls, switches: Mapping[str, str]) -> "Systems":
        """Read the hash at `SWITCHES_KEY`; a switch that is not there is off."""
        return cls(
            whmcs_down=switches.get("whmcs_down") == "1",
            freebit_refused=switches.get("freebit_refused") == "1",
            mapping_added=switches.get("mapping_added") == "1",
        )

    def salesforce_order(self, order_id: str) -> None:
        """Look the order up.

        Raises:
            SystemRefusedError: ORDER_NOT_FOUND, for good.
        """
        if not order_id.startswith(LIVE_ORDER_PREFIX):
            raise SystemRefusedError(
                "ORDER_NOT_FOUND", f"Salesforce has no Order {order_id} (NOT_FOUND)"
            )

    def product_id(self, product: str) -> int:
        """Give the WHMCS product of a Salesforce product.

        Raises:
            SystemRefusedError: MAPPING_ERROR, until the mapping is added.
        """
        found = PRODUCT_MAPPING.get(product)
        if found is None and not self.mapping_added:
            raise SystemRefusedError(
                "MAPPING_ERROR", f'Product2 "{product}" has no WH_Product_ID__c'
            )
        return found or 240

    def whmcs_pay_method(self, event: Mapping[str, Any]) -> None:
        """Ask WHMCS how the customer pays.

        Raises:
            SystemRefusedError: PAYMENT_METHOD_MISSING, for good, or WHMCS_ERROR while it is down.
        """
        self._reach_whmcs(str(event["OrderId__c"]))
        client_id = int(event["WHMCS_Client_ID__c"])
        if not has_pay_method(client_id):
            raise SystemRefusedError(
                "PAYMENT_METHOD_MISSING", f"WHMCS client {client_id} has no payment method"
            )

    def whmcs_add_order(self, event: Mapping[str, Any]) -> int:
        """Place the order in WHMCS and give its number there.

        Raises:
            SystemRefusedError: WHMCS_ERROR while it is down, or early for the slow product.
        """
        order_id = str(event["OrderId__c"])
        self._reach_whmcs(order_id)
        due = datetime.fromisoformat(event["CreatedDate"])
        if event["ProductName__c"] == SLOW_PRODUCT and self.now < due + PASSES_AFTER:
            raise SystemRefusedError("WHMCS_ERROR", _timeout(order_id))
        return 50_000 + zlib.crc32(order_id.encode()) % 10_000

    def freebit_login(self, account: str, *, due: datetime) -> None:
        """Log in to Freebit for one account.

        Raises:
            SystemRefusedError: FREEBIT_AUTH_FAILED while logins are refused, or early for some.
        """
        if self.freebit_refused or (
            account.startswith(REFUSED_SIM) and self.now < due + PASSES_AFTER
        ):
            raise SystemRefusedError(
                "FREEBIT_AUTH_FAILED", "OEM login refused (resultCode 201)"
            ) from PermissionError("authOem: resultCode 201")

    def freebit_change_network(self, account: str, *, due: datetime) -> None:
        """Change the network type of one SIM.

        Raises:
            SystemRefusedError: ACCOUNT_NOT_FOUND, for good; OPERATION_CONFLICT, for a while.
        """
        if account.startswith(UNKNOWN_SIM):
            raise SystemRefusedError(
                "ACCOUNT_NOT_FOUND", f"Freebit knows no account {account} (resultCode 210)"
            )
        if account.startswith(BUSY_SIM) and self.now < due + PASSES_AFTER:
            raise SystemRefusedError(
                "OPERATION_CONFLICT", f"another operation is pending on {account} (resultCode 381)"
            )

    def _reach_whmcs(self, order_id: str) -> None:
        if self.whmcs_down:
            reason = _timeout(order_id)
            raise SystemRefusedError("WHMCS_ERROR", reason) from TimeoutError(reason)


def has_pay_method(client_id: int) -> bool:
    """Tell whether a WHMCS client can pay; the 7000s signed up without a card."""
    return not 7000 <= client_id < 8000  # noqa: PLR2004 - the docstring says it


def _timeout(order_id: str) -> str:
    return _TIMEOUTS[zlib.crc32(order_id.encode()) % len(_TIMEOUTS)]
