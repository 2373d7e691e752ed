import copy

import pytest

from bot.demo.localslack import blockkit
from bot.demo.localslack.errors import SlackError


def plain(text):
    return {"type": "plain_text", "text": text}


def md(text):
    return {"type": "mrkdwn", "text": text}


def section(text="hello", **more):
    return {"type": "section", "text": md(text), **more}


def button(action_id="go", **more):
    return {"type": "button", "text": plain("Go"), "action_id": action_id, **more}


def actions(*elements):
    return {"type": "actions", "elements": list(elements)}


def option(text="One", value="1"):
    return {"text": plain(text), "value": value}


def select(count=2, **more):
    options = [option(f"o{n}", str(n)) for n in range(count)]
    return {"type": "static_select", "action_id": "s", "options": options, **more}


def overflow(count):
    return {**select(count), "type": "overflow"}


def confirm(**more):
    whole = {"title": plain("t"), "text": md("t"), "confirm": plain("y"), "deny": plain("n")}
    return {**whole, **more}


def raw(text):
    return {"type": "raw_text", "text": text}


def data_table(rows, columns=2, **more):
    cells = [[raw("x") for _ in range(columns)] for _ in range(rows)]
    return {"type": "data_table", "caption": "c", "rows": cells, **more}


def chart(kind="line", series=1, points=2, label="a"):
    labels = [f"{label}{n}" for n in range(points)]
    data = [{"label": name, "value": 1} for name in labels]
    return {
        "type": "data_visualization",
        "title": "t",
        "chart": {
            "type": kind,
            "series": [{"name": f"s{n}", "data": copy.deepcopy(data)} for n in range(series)],
            "axis_config": {"categories": labels},
        },
    }


ACCEPTED = [
    section("x" * 3000),
    {"type": "header", "text": plain("x" * 150)},
    {"type": "divider"},
    {"type": "section", "fields": [md("x" * 2000)] * 10},
    {"type": "context", "elements": [md("x")] * 10},
    actions(*(button(f"b{n}") for n in range(25))),
    actions(button(value="x" * 2000, style="danger", confirm=confirm())),
    actions(button(url="https://example.com")),
    section(accessory=select(100)),
    section(accessory=overflow(2)),
    section(accessory={"type": "image", "image_url": "https://e.com/a.png", "alt_text": "a"}),
    data_table(101, 20),
    chart("bar", 12, 20),
    {"type": "markdown", "text": "x" * 12_000},
    {"type": "table", "rows": [[raw("x")] * 20] * 100},
    {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]}],
    },
]

REFUSED = [
    (section("x" * 3001), "must be less than 3001 characters", "/blocks/0/text/text"),
    (section(""), "must be more than 0 characters", "/blocks/0/text/text"),
    ({"type": "section"}, "missing required field: text or fields", "/blocks/0"),
    ({"type": "section", "text": "words"}, "must be an object", "/blocks/0/text"),
    ({"type": "section", "text": {"type": "html", "text": "x"}}, "unsupported type: html", "type"),
    ({"type": "sextion"}, "unsupported type: sextion", "/blocks/0/type"),
    ({"type": "header", "text": plain("x" * 151)}, "less than 151", "/blocks/0/text/text"),
    ({"type": "header", "text": md("x")}, "must be plain_text", "/blocks/0/text/type"),
    ({"type": "section", "fields": [md("x")] * 11}, "no more than 10 items", "/fields"),
    ({"type": "section", "fields": [md("x" * 2001)]}, "less than 2001", "/fields/0/text"),
    ({"type": "context", "elements": [md("x")] * 11}, "no more than 10 items", "/elements"),
    ({"type": "context", "elements": [button()]}, "unsupported type: button", "/elements/0"),
    (actions(*(button(f"b{n}") for n in range(26))), "no more than 25 items", "/elements"),
    (actions(), "no less than 1 items", "/elements"),
    (actions(button(), button()), "`action_id` already exists: go", "/elements/1/action_id"),
    (actions(button("x" * 256)), "less than 256", "action_id"),
    (actions(button(value="x" * 2001)), "less than 2001", "/value"),
    (actions({**button(), "text": plain("x" * 76)}), "less than 76", "/text/text"),
    (actions({**button(), "text": md("x")}), "must be plain_text", "/text/type"),
    (actions(button(style="big")), "must be one of: primary, danger", "/style"),
    (actions({"type": "bouton"}), "unsupported type: bouton", "/elements/0/type"),
    (actions(select(101)), "no more than 100 items", "/options"),
    (actions(select(0)), "no less than 1 items", "/options"),
    (actions(select(2, initial_option=option("no"))), "must match one", "/initial_option"),
    (actions({**select(), "options": [option("x" * 76)]}), "less than 76", "/options/0/text"),
    (actions({**select(), "options": [option(value="x" * 151)]}), "less than 151", "/value"),
    (section(accessory=overflow(1)), "no less than 2 items", "/accessory/options"),
    (section(accessory=overflow(6)), "no more than 5 items", "/accessory/options"),
    (section(block_id="x" * 256), "less than 256", "/block_id"),
    (actions(button(confirm=confirm(title=plain("x" * 101)))), "less than 101", "/title"),
    (actions(button(confirm=confirm(text=md("x" * 301)))), "less than 301", "/confirm/text"),
    (actions(button(confirm=confirm(deny=plain("x" * 31)))), "less than 31", "/deny"),
    ({"type": "image", "image_url": "https://e.com/a.png"}, "field: alt_text", "/blocks/0"),
    (data_table(1), "no less than 2 items", "/rows"),
    (data_table(102), "no more than 101 items", "/rows"),
    (data_table(2, 21), "no more than 20 columns", "/rows"),
    (data_table(2, page_size=101), "between 1 and 100", "/page_size"),
    ({"type": "table", "rows": [[raw("x")]] * 101}, "no more than 100 items", "/rows"),
    (chart(series=13), "no more than 12 items", "/series"),
    (chart(points=21), "no more than 20 items", "/categories"),
    (chart(label="x" * 21), "must be 1 to 20 characters", "/categories/0"),
    (chart("radar"), "unsupported type: radar", "/chart/type"),
    ({"type": "markdown", "text": "x" * 12_001}, "less than 12001", "/text"),
]


@pytest.mark.parametrize("block", ACCEPTED, ids=lambda b: b["type"])
def test_takes_what_slack_takes(block):
    blockkit.check_message([block], None)


@pytest.mark.parametrize(("block", "complaint", "pointer"), REFUSED)
def test_refuses_what_slack_refuses(block, complaint, pointer):
    with pytest.raises(SlackError) as refused:
        blockkit.check_message([block], None)
    assert refused.value.name == "invalid_blocks"
    assert any(complaint in p and pointer in p for p in refused.value.problems)


def test_complaints_look_like_slacks():
    with pytest.raises(SlackError) as refused:
        blockkit.check_message([section("x" * 3001)], None)
    wording = "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    assert refused.value.body() == {
        "ok": False,
        "error": "invalid_blocks",
        "errors": [wording],
        "response_metadata": {"messages": [f"[ERROR] {wording}"]},
    }


def test_limits_of_a_message():
    blockkit.check_message([section()] * 50, None)
    for blocks in ([section()] * 51, [chart()] * 3, [section(block_id="a")] * 2):
        with pytest.raises(SlackError, match="invalid_blocks"):
            blockkit.check_message(blocks, None)


def test_the_same_action_id_in_two_blocks_is_fine():
    blockkit.check_message([actions(button()), actions(button())], None)


def test_attachments_have_an_error_of_their_own():
    with pytest.raises(SlackError) as refused:
        blockkit.check_message(None, [{"blocks": [section("")]}])
    assert refused.value.name == "invalid_attachments"
    assert "/attachments/0/blocks/0/text/text" in refused.value.problems[0]


def modal(**more):
    whole = {"type": "modal", "title": plain("Retry"), "blocks": [section()]}
    return {**whole, **more}


TEXT_INPUT = {
    "type": "input",
    "label": plain("Why"),
    "element": {"type": "plain_text_input", "action_id": "t"},
}


@pytest.mark.parametrize(
    ("view", "complaint"),
    [
        (modal(title=plain("x" * 25)), "less than 25"),
        (modal(submit=plain("x" * 25)), "less than 25"),
        (modal(private_metadata="x" * 3001), "less than 3001"),
        (modal(blocks=[section()] * 101), "no more than 100 items"),
        (modal(type="popup"), "must be one of: modal"),
        (modal(blocks=[TEXT_INPUT]), "missing required field: submit"),
        (modal(blocks=[{"type": "markdown", "text": "x"}]), "unsupported type: markdown"),
        ({"type": "modal", "blocks": []}, "missing required field: title"),
        ("modal", "must be an object"),
    ],
)
def test_refuses_bad_views(view, complaint):
    with pytest.raises(SlackError) as refused:
        blockkit.check_view(view, kinds={"modal"})
    assert refused.value.name == "invalid_arguments"
    assert complaint in "\n".join(refused.value.problems)


def test_takes_a_good_view():
    blockkit.check_view(
        modal(submit=plain("Retry"), blocks=[section()] * 99 + [TEXT_INPUT]), kinds={"modal"}
    )
    blockkit.check_view({"type": "home", "blocks": [section()] * 100}, kinds={"home"})


def test_adds_the_ids_that_were_left_out():
    element = {"type": "button", "text": plain("Go")}
    made = blockkit.normalized([section(block_id="mine"), actions(element)])
    assert made[0]["block_id"] == "mine"
    assert made[1]["block_id"]
    assert made[1]["elements"][0]["action_id"]
    assert "action_id" not in element
