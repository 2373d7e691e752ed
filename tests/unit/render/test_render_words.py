"""Values as text: what a job says can neither format, mention nor hide anything."""

import pytest

from bot.domain.times import DAY, HOUR, MINUTE
from bot.render import words
from tests.unit.render.samples import NOW


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("<!channel> & <@U1>", "&lt;!channel&gt; &amp; &lt;@U1&gt;"),
        ("two\nlines\r\tand  spaces", "two lines and spaces"),
        ("*bold* `code` ~struck~", "\u2217bold\u2217 \u02cbcode\u02cb \u223cstruck\u223c"),
        ("_slanted_ WHMCS_ERROR __init__", "\u02cdslanted_ WHMCS_ERROR \u02cd\u02cdinit__"),
        (":fire: at 12:30", "\u2236fire: at 12:30"),
        ("@here and @Channel, not @bob", "\uff20here and \uff20Channel, not @bob"),
        ("a\u202eb\u200bc\x00d\ud800e", "abc d\ufffde"),
        ("z" + "\u0301" * 50, "z\u0301\u0301"),
    ],
)
def test_escape_leaves_nothing_to_interpret(value, shown):
    assert words.escape(value) == shown


def test_escape_cuts_and_says_so():
    assert words.escape("a" * 300, 10) == "a" * 9 + "…"
    assert words.escape("\u200b" * 1_000_000 + "end", 10) == "…"


def test_code_cannot_be_left():
    assert words.code("a`b*c") == "`a\u02cbb*c`"
    assert words.code("") == "`(empty)`"


def test_code_block_keeps_lines_and_cannot_be_closed():
    block = words.code_block("one\n```<!here>\n\ttwo")
    assert block == "```\none\n\u02cb\u02cb\u02cb&lt;!here&gt;\n  two\n```"


def test_code_block_is_as_long_as_allowed_after_escaping():
    block = words.code_block("&" * 5000, 1000)
    assert len(block) <= 1008
    assert block.endswith("&amp;…\n```")


def test_trusted_words_keep_their_format_but_mention_nobody():
    assert words.trusted("Add `WH_Product_ID__c` <!here> @here") == (
        "Add `WH_Product_ID__c` &lt;!here&gt; \uff20here"
    )


@pytest.mark.parametrize(
    ("text", "limit", "cut"),
    [
        ("short", 100, "short"),
        ("aaaa &amp; bbbb", 12, "aaaa …"),
        ("abc <https://x.example|label> d", 20, "abc …"),
        ("```" + "x" * 50 + "```", 20, "```" + "x" * 12 + "…\n```"),
    ],
)
def test_fit_never_leaves_a_half(text, limit, cut):
    assert words.fit(text, limit) == cut


@pytest.mark.parametrize(
    ("length", "said"),
    [(0, "0 s"), (480, "480 ms"), (3200, "3.2 s"), (5000, "5 s"), (65_000, "1 min 5 s")],
)
def test_span(length, said):
    assert words.span(length) == said


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (-5, "0 s"),
        (59_999, "59 s"),
        (60_000, "1 min"),
        (82_000, "1 min 22 s"),
        (105_000, "1 min 45 s"),
        (599_000, "9 min 59 s"),
        (659_000, "10 min"),
        (125 * MINUTE, "2 h 5 min"),
    ],
)
def test_a_length_that_is_watched_never_seems_to_shrink(length, said):
    assert words.length(length) == said


@pytest.mark.parametrize(
    ("length", "option"), [(1, "1s"), (45_000, "45s"), (15 * MINUTE, "15m"), (2 * HOUR + 1, "121m")]
)
def test_a_length_as_an_option(length, option):
    assert words.as_option(length) == option


@pytest.mark.parametrize(
    ("count", "said"),
    [(1, "1 byte"), (812, "812 bytes"), (12_345, "12.3 KB"), (1_200_000, "1.2 MB")],
)
def test_size(count, said):
    assert words.size(count) == said


def test_numbers_and_what_they_count():
    assert words.number(1204) == "1,204"
    assert words.plural(1, "job") == "1 job"
    assert words.plural(1204, "job") == "1,204 jobs"


def test_a_date_shows_the_day_when_it_is_not_near():
    second = NOW // 1000
    assert words.date(NOW, NOW) == f"<!date^{second}^{{time}}|03:12 UTC>"
    assert words.date(NOW, NOW + 11 * HOUR).count("{date_short_pretty}") == 0
    assert words.date(NOW, NOW + DAY) == (
        f"<!date^{second}^{{date_short_pretty}} {{time}}|2026-01-15 03:12 UTC>"
    )
    assert "{date_short_pretty}" in words.date(NOW + 3 * DAY, NOW)


@pytest.mark.parametrize("instant", [0, -MINUTE, 10**30])
def test_a_date_that_cannot_be(instant):
    assert words.date(instant) == "an unknown time"


def test_mentions_are_only_of_ids():
    assert words.mention("U0BOB") == "<@U0BOB>"
    assert words.mention("W0BOB") == "<@W0BOB>"
    assert words.mention("S0ONCALL") == "<!subteam^S0ONCALL>"
    assert words.mention("U0BOB> <!here") == "U0BOB&gt; &lt;!here"


def test_links_are_only_to_the_web():
    assert words.link("https://a.example/?a=1&b=2", "A|B") == (
        "<https://a.example/?a=1&amp;b=2|A/B>"
    )
    assert words.link("javascript:alert(1)", "x") == "x"
    assert words.link("https://a.example/> <!here", "x") == "x"


def test_failure_codes_are_bare_and_messages_quoted():
    assert words.error_name("WHMCS_ERROR") == "WHMCS_ERROR"
    assert words.error_name("(no reason)") == "(no reason)"
    assert words.error_name("Cannot read") == '"Cannot read"'
