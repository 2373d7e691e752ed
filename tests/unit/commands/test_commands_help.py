"""Help is made from COMMANDS, so that it cannot lack one."""

import re
from pathlib import Path

import pytest

from bot.commands import COMMANDS, help_
from bot.commands.dispatch import find_command
from bot.domain import commandline
from bot.domain.access import Role
from tests.support import slack_limits
from tests.support.toolbox import ALICE, BOB, VERA, said

each = pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)


@pytest.mark.parametrize("actor", [ALICE, BOB, VERA], ids=["admin", "operator", "viewer"])
async def test_every_command_is_in_the_overview_whoever_asks(office, actor):
    answer = await office.said("help", actor)
    for command in COMMANDS:
        assert command.summary.replace("`", "") in answer
        for usage in command.usage:
            assert usage in answer


async def test_what_needs_another_role_stands_apart(office):
    own, others = (await office.said("help", VERA)).split("With the operator role")
    for command in COMMANDS:
        assert command.usage[0] in (own if command.role <= Role.VIEWER else others)
    assert "Your role: viewer" in others
    assert "With the operator role" not in await office.said("help", BOB)


@each
async def test_each_command_explains_itself(office, command):
    reply = await office.ask(f"help {command.name}", VERA)
    slack_limits.check(reply.message)
    answer = said(reply)
    for text in (command.name, command.summary.replace("`", ""), *command.usage, *command.examples):
        assert text in answer
    needs = f"Needs the {command.role.title} role"
    assert (needs in answer) is (command.role > Role.VIEWER)


@each
def test_the_examples_use_the_command_they_stand_under(command):
    assert command.examples
    for text in (*command.examples, *command.usage):
        assert find_command(commandline.split(text)[0]) is command


@pytest.mark.parametrize(
    ("words", "wanted"),
    [(["q", "--help"], True), (["-h"], True), (["--HELP"], True), (["help"], False), ([], False)],
)
def test_help_may_be_asked_for_behind_a_command(words, wanted):
    assert help_.asked(words) is wanted


def test_names_are_unique_and_refusals_read_well():
    assert len({command.name for command in COMMANDS}) == len(COMMANDS)
    for command in COMMANDS:
        assert command.mutates is (command.role > Role.VIEWER), command.name
        assert not command.mutates or re.fullmatch(r"[A-Z][a-z ]+ing( a silence)?", command.doing)


def test_every_file_of_the_folder_with_a_command_is_in_the_table():
    folder = Path(__file__).parents[3] / "bot" / "commands"
    files = {path for path in folder.glob("*.py") if "\nCOMMAND = Command(" in path.read_text()}
    assert len(files) == len(COMMANDS)
