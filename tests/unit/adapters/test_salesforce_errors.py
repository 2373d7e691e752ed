"""Salesforce's own words, as they go into messages and the audit log."""

from bot.adapters.salesforce_errors import reason


def test_what_salesforce_says_is_masked_before_it_is_cut():
    said = f"Callout failed: https://bob:{'hunter2' * 20}@crm.example, token=abcd1234secret"
    text = reason({"statusCode": "CANNOT_INSERT_UPDATE", "message": said})
    assert text.startswith("CANNOT_INSERT_UPDATE: Callout failed: https://bob:••••@crm.example")
    assert "hunter2" not in text
    assert "abcd1234secret" not in text
