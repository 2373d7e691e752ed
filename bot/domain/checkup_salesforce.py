"""From what Salesforce answered to lines of `bullhorn check`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.domain.checkup import Finding, SalesforceFacts, Trouble, fail, ok, skip, warn
from bot.domain.policy import Catalog
from bot.domain.salesforce import SalesforcePolicy

SALESFORCE: Final = "Salesforce"
_HOW: Final = "See docs/howto/connect-salesforce.md"
_NAMED: Final = 8


def lines(
    seen: SalesforceFacts | Trouble | None, policy: SalesforcePolicy, *, login: str | None
) -> list[Finding]:
    """The lines about Salesforce; `seen` is None and `login` too without credentials."""
    fields_, day = f"{SALESFORCE}: fields", f"{SALESFORCE}: requests"
    if login is None or seen is None:
        return []
    if isinstance(seen, Trouble):
        why = "Salesforce could not be asked"
        return [seen.about(SALESFORCE), skip(fields_, why), skip(day, why)]
    return [
        ok(SALESFORCE, f"{seen.host}, API {seen.version}, login by {login}"),
        _fields(fields_, seen, policy),
        _requests(day, seen, policy),
    ]


def unset(catalog: Catalog) -> list[Finding]:
    """The line where queues are best retried through Salesforce, and it has no credentials."""
    if not (names := through_salesforce(catalog)):
        return []
    named = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
    said = f"no credentials: BullMQ retries {named}, best retried through Salesforce"
    return [warn(SALESFORCE, said, f"Set the SALESFORCE_ variables. {_HOW}")]


def through_salesforce(catalog: Catalog) -> Sequence[str]:
    """The queues of the config whose recommended way of retrying is Salesforce."""
    return [name for name, queue in catalog.queues.items() if queue.retry_via == "salesforce"]


def _fields(check: str, seen: SalesforceFacts, policy: SalesforcePolicy) -> Finding:
    """Whether a retry can read and write what it must."""
    of = f"of {policy.object}"
    if seen.missing:
        fix = "Give the user read and edit on them, or correct `salesforce:` in the config"
        return fail(check, f"not seen {of}: {', '.join(seen.missing)}", fix)
    if not seen.editable or seen.read_only:
        names = ", ".join(seen.read_only) if seen.editable else "the object itself"
        return fail(check, f"read only {of}: {names}", f"Give the user edit on it. {_HOW}")
    known = {value.casefold() for value in seen.values}
    there = ", ".join(seen.values[:_NAMED])
    if known and policy.activating.casefold() not in known:
        said = f"{policy.status_field} has no value {policy.activating} (it has {there})"
        return fail(check, said, "Set salesforce.activating in the config")
    if known and policy.failed and not known & {value.casefold() for value in policy.failed}:
        said = f"{policy.status_field} has none of {', '.join(policy.failed)} (it has {there})"
        return warn(check, said, "Set salesforce.failed in the config: no order would be retried")
    if known and policy.succeeded and not known & {one.casefold() for one in policy.succeeded}:
        said = f"{policy.status_field} has none of {', '.join(policy.succeeded)} (it has {there})"
        fix = "Set salesforce.succeeded in the config: a receipt could not tell what is done"
        return warn(check, said, fix)
    return ok(check, f"{', '.join(policy.fields)} can be read and changed")


def _requests(check: str, seen: SalesforceFacts, policy: SalesforcePolicy) -> Finding:
    day = seen.limits
    said = (
        f"{day.remaining:,} of the day's {day.allowed:,} left, {policy.reserve:,} kept in reserve"
    )
    if day.remaining > policy.reserve:
        return ok(check, said)
    fix = "Wait, lower salesforce.reserve, or see in Salesforce who uses them up"
    return warn(check, f"{said}: no retry through Salesforce now", fix)
