"""The page of `bullhorn check`: aligned, one line each, a summary; JSON says the same."""

import json

from bot.domain.checkup import Report, fail, ok, skip, warn
from bot.render.checkup import as_json, page

REPORT = Report(
    findings=(
        ok("settings", "Socket Mode"),
        warn("own Redis: memory", "nearly full", "Give it more"),
        fail("Slack", "refused", "Set the token"),
        skip("Slack: scopes", "the bot token was not accepted"),
    )
)


def test_the_page():
    assert page(REPORT) == (
        "ok    settings           Socket Mode\n"
        "warn  own Redis: memory  nearly full. Give it more.\n"
        "FAIL  Slack              refused. Set the token.\n"
        "skip  Slack: scopes      the bot token was not accepted\n"
        "\n"
        "4 checks: 1 failed, 1 warning, 1 skipped.\n"
    )


def test_names_from_outside_do_not_break_the_lines():
    hostile = "q\n\x1b[2J\u202eok  all is well"
    said = page(Report(findings=(ok(f"queue {hostile * 9}", hostile), ok("settings", "fine"))))
    assert len(said.splitlines()) == 4
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "ok    settings" + " " * 34 + "fine" in said, "one long name moves nothing else"


def test_json_says_the_same():
    said = json.loads(as_json(REPORT))
    assert said[1] == {
        "check": "own Redis: memory",
        "status": "warn",
        "detail": "nearly full",
        "fix": "Give it more",
    }
    assert [one["status"] for one in said] == ["ok", "warn", "FAIL", "skip"]
    assert {tuple(one) for one in said} == {("check", "status", "detail", "fix")}
