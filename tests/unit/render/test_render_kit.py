"""The kit: what slackblocks lets through is caught, and buttons type only what was meant."""

import pytest

from bot.render import action_ids, kit
from bot.render.typed import typed
from tests.support import slack_limits


def ids(message):
    return [
        element["action_id"]
        for block in message.blocks
        for element in block.get("elements", [])
        if "action_id" in element
    ]


def test_a_message_is_never_without_fallback_text():
    assert slack_limits.check(kit.finish(" \n", [kit.section("x")])).text == "Bullhorn"


def test_the_fallback_has_no_formats_and_no_dates():
    text = "*bold* `code` since <!date^1768446720^{time}|03:12 UTC> by <@U1>"
    assert kit.finish(text, []).text == "bold code since 03:12 UTC by <@U1>"


def test_action_ids_are_unique_in_the_whole_message():
    row = [kit.button("a", "status"), kit.link_button("b", "https://a.example")]
    menu = kit.menu("more", [("c", "status")])
    plan = kit.press("d", action_ids.PLAN_CONFIRM, "p1")
    message = kit.finish("x", [kit.actions(*row, menu, plan), kit.actions(*row, menu, plan)])
    assert ids(slack_limits.check(message)) == [
        "command:status", "link", "command_menu:status", "plan_confirm",
        "command:status:2", "link:2", "command_menu:status:2", "plan_confirm:2",
    ]  # fmt: skip


def test_action_ids_tell_what_a_button_does_wherever_it_stands():
    def row(*commands):
        return ids(kit.finish("x", [kit.actions(*(kit.button("b", one) for one in commands))]))

    retry = "retry q --error WHMCS_ERROR --since 15m"
    assert row("ack 118", retry) == ["command:ack", "command:retry-WHMCS_ERROR"]
    assert row("failed q", "ack 118") == ["command:failed", "command:ack"]
    assert row("ack 118", "ack 119") == ["command:ack-118", "command:ack-119"]
    assert row("silence a backlog 1h", "silence b backlog 1h") == [
        "command:silence-a-backlog-1h", "command:silence-b-backlog-1h",
    ]  # fmt: skip
    assert row("retry q --error 'no card 4111'") == ["command:retry"], "a message stays out"
    assert row('say "x') == ["command"]


def test_families_match_their_ids_and_no_others():
    for one in ("command", "command:12", "command:ack", "command:retry-WHMCS_ERROR", "command:a:2"):
        assert action_ids.pattern(action_ids.COMMAND).match(one), one
        assert action_ids.family_of(one) == action_ids.COMMAND
    assert not action_ids.pattern(action_ids.COMMAND).match("command_menu:1")
    assert not action_ids.pattern(action_ids.COMMAND).match("command:x y")
    assert not action_ids.pattern(action_ids.PLAN_CONFIRM).match("plan_confirm_fresh")
    assert action_ids.pattern(action_ids.PLAN_CONFIRM).match("plan_confirm:2")


def test_equal_messages_are_equal():
    assert kit.simple("same") == kit.simple("same")


def test_too_many_blocks_are_cut_with_the_buttons_kept():
    row = kit.actions(kit.button("go", "status"))
    message = kit.finish("x", [*(kit.section(str(index)) for index in range(80)), row])
    assert len(slack_limits.check(message).blocks) == 50
    assert message.blocks[-1]["type"] == "actions"
    assert message.blocks[-2]["elements"][0]["text"] == "… 32 more"


def test_too_much_text_in_all_is_cut():
    message = kit.finish("x", [kit.section("y" * 2900) for _ in range(20)])
    assert len(slack_limits.check(message).blocks) == 5


def test_texts_are_cut_to_their_limits():
    long = "&" * 10_000
    message = kit.finish(
        long,
        [
            kit.section("y" * 10_000, accessory=kit.button(long, "status")),
            kit.context("z" * 10_000),
            kit.fields(*("f" * 5000 for _ in range(1))),
            kit.actions(
                kit.menu(long, [(long, "status")]),
                kit.press(
                    long, action_ids.PLAN_CONFIRM, "p", confirm=kit.confirm(long, long, long)
                ),
            ),
        ],
    )
    assert [found for found in slack_limits.problems(message) if "ampersand" not in found] == []


def test_empty_pieces_are_left_out():
    assert kit.context("", "") is None
    assert kit.actions(None, None) is None
    assert kit.button("x", None) is None
    assert kit.menu("x", [("a", None)]) is None
    assert kit.overflow([("a", None)]) is None
    assert kit.link_button("x", "ftp://a.example") is None


def test_buttons_whose_command_is_too_long_are_left_out():
    assert kit.button("x", "y" * 2000) is not None
    assert kit.button("x", "y" * 2001) is None
    assert kit.menu("x", [("a", "y" * 151), ("b", "y" * 151)]) is None


def test_a_small_menu_of_one_is_a_button():
    one = kit.overflow([("Details", "status q"), ("Retry", None)])
    message = kit.finish("x", [kit.section("x", accessory=one)])
    assert message.blocks[0]["accessory"]["type"] == "button"


@pytest.mark.parametrize(
    ("words", "options", "flags", "text"),
    [
        (("status", "order-provisioning"), {}, [], "status order-provisioning"),
        (
            ("failed", "q"),
            {"error": "WHMCS_ERROR", "page": "2", "name": None},
            ["--jobs"],
            "failed q --error WHMCS_ERROR --page 2 --jobs",
        ),
        (("failed", "q"), {"error": "two words"}, [], 'failed q --error "two words"'),
        (("failed", "q"), {"error": 'says "…"'}, [], "failed q --error 'says \"…\"'"),
    ],
)
def test_commands_are_typed_as_a_person_would(words, options, flags, text):
    assert typed(*words, flags=flags, **options) == text


@pytest.mark.parametrize(
    "hostile",
    [
        "--all",
        "-x",
        "\u2014all",
        "",
        "a\x00b",
        "a\nb",
        'it\'s "both"',
        "\ud800",
        "curly \u201cx\u201d",
    ],
)
def test_a_value_that_would_be_read_otherwise_gets_no_button(hostile):
    assert typed("retry", "q", hostile) is None
    assert typed("failed", "q", error=hostile) is None
