"""Ids of orders, where they are in a job's data, and which states a retry is expected in."""

import random

import pytest

from bot.demo.workload.orders import salesforce_id
from bot.domain.salesforce import (
    Order,
    SalesforcePolicy,
    either_form,
    forms,
    is_order_id,
    order_id_of,
    order_key,
    unique_ids,
    whole_id,
)

SHORT, LONG = "8014x000000ABCD", "8014x000000ABCDXYZ"


@pytest.mark.parametrize("good", [SHORT, LONG])
def test_ids(good):
    assert is_order_id(good)
    assert order_key(good) == SHORT


@pytest.mark.parametrize(
    "bad",
    ["", SHORT[:-1], SHORT + "X", LONG + "A", "8014x000000ABC/", "8014x000000ABC\u00c9", 7, None],
)
def test_what_is_no_id_goes_into_no_address_and_no_query(bad):
    assert not is_order_id(bad)


@pytest.mark.parametrize(
    ("data", "path", "found"),
    [
        ({"sfOrderId": LONG}, "sfOrderId", LONG),
        ({"order": {"sf": {"id": SHORT}}}, "order.sf.id", SHORT),
        ({"order": LONG}, "order.id", None),
        ({"sfOrderId": "' OR Id != '"}, "sfOrderId", None),
        ({"sfOrderId": None}, "sfOrderId", None),
        ("no JSON", "sfOrderId", None),
        ([LONG], "0", None),
    ],
)
def test_the_id_in_a_jobs_data(data, path, found):
    assert order_id_of(data, path) == found


@pytest.mark.parametrize(
    ("short", "long"),
    [("001D000000IRFma", "001D000000IRFmaIAH"), ("00130000000Y5Bs", "00130000000Y5BsAAK"),
     ("a00000000000000", "a00000000000000AAA")],
)  # fmt: skip
def test_both_forms_of_an_id(short, long):
    assert forms(short) == forms(long) == (short, long)


@pytest.mark.parametrize(
    ("value", "whole"),
    [
        ("8014x0000000001", "8014x0000000001AAA"),
        ("8014x0000000001AAA", "8014x0000000001AAA"),
        (LONG, LONG),
        ("A-7", "A-7"),
        ("", ""),
    ],
)
def test_values_are_the_same_only_where_they_are_forms_of_one_id(value, whole):
    """Eighteen characters that end otherwise are no id of Salesforce's."""
    assert whole_id(value) == whole
    assert whole in {whole_id(form) for form in either_form(value)}


def test_the_demo_makes_ids_of_that_form():
    made = salesforce_id("8014x", dice=random.Random(1))
    assert forms(made) == (made[:15], made)


def test_each_order_once():
    assert unique_ids([LONG, "x", SHORT, LONG]) == (LONG,)


@pytest.mark.parametrize(
    ("status", "failed", "expected"),
    [
        ("Failed", ("Failed", "Error"), True),
        ("error", ("Failed", "Error"), True),
        ("Activated", ("Failed", "Error"), False),
        (None, ("Failed",), False),
        ("Activating", ("Failed",), False),
        ("activating ", (), False),
        ("Activated", (), False),
        ("Cancelled", (), True),
        (None, (), True),
    ],
)
def test_the_states_a_retry_is_expected_in(status, failed, expected):
    order = Order(id=LONG, status=status)
    assert SalesforcePolicy(failed=failed).expects(order) is expected


@pytest.mark.parametrize(
    ("status", "error", "failed", "fate"),
    [
        ("Failed", None, ("Failed",), "failed"),
        ("failed ", "WHMCS_ERROR", ("Failed",), "failed"),
        ("activated", "left over", ("Failed",), "completed"),
        ("Activated", "left over", (), "completed"),
        ("Activating", None, (), "waiting"),
        ("Cancelled", None, ("Failed",), ""),
        ("Cancelled", "WHMCS_ERROR", ("Failed",), ""),
        ("Cancelled", None, (), ""),
        ("Broken", "WHMCS_ERROR", (), "failed"),
        (None, None, ("Failed",), ""),
    ],
)
def test_what_a_state_says_of_the_new_job(status, error, failed, fate):
    order = Order(id=LONG, status=status, error=error)
    assert SalesforcePolicy(failed=failed).fate(order) == fate


def test_the_states_in_words():
    assert SalesforcePolicy(failed=("Failed", "Error")).expected() == "Failed or Error"
    assert SalesforcePolicy(failed=()).expected() == "any but Activating or Activated"
