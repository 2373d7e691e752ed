"""How a message is handed to Slack."""

import pytest

from bot.adapters.slack_content import content_of
from bot.render.kit import actions, button, finish, overflow, section, with_bar


def blocks_of(count, *, color=None):
    blocks = [
        section(f"{count} of 40", accessory=overflow([("Details", "status a"), ("Jobs", "job")])),
        section("A line that comes and goes") if count == 1 else None,
        actions(button("Stop", "stop")),
        actions(button("History", "history")),
    ]
    message = with_bar("Retrying", blocks, color) if color else finish("Retrying", blocks)
    content = content_of(message)
    return content["blocks"] if color is None else content["attachments"][0]["blocks"]


def ids(blocks):
    return [block["block_id"] for block in blocks if "block_id" in block]


@pytest.mark.parametrize("color", [None, "#e01e5a"])
def test_blocks_with_controls_keep_their_ids_when_a_message_is_edited(color):
    """A press is refused when its block is gone, as it would be while its dialog is open."""
    before, after = ids(blocks_of(1, color=color)), ids(blocks_of(2, color=color))
    assert before == after
    assert len(set(before)) == 3
