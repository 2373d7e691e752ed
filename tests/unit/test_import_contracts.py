"""The import contracts hold, and each really fails on the import it is there for."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# file -> a line that must not be in it, and a part of the name of the contract that says so
WRONG = {
    "bot/domain/times.py": ("import redis", "The domain does no I/O"),
    "bot/services/finder.py": ("from bot.adapters import keys", "Rooms"),
    "bot/services/journal.py": ("import slack_sdk", "Services know ports"),
    "bot/render/kit.py": ("import slack_bolt", "Rendering is pure"),
    "bot/commands/ack.py": ("import redis", "Commands know no Slack"),
    "bot/app.py": ("from bot.settings import Settings", "Settings and config"),
}


def lint(folder):
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [command, "--no-cache"], cwd=folder, capture_output=True, text=True, timeout=100,
        check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path):
    """The package and its contracts, to be spoilt."""
    ignored = shutil.ignore_patterns("__pycache__", "static")
    shutil.copytree(ROOT / "bot", tmp_path / "bot", ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def verdicts(output):
    """The contracts by name: KEPT or BROKEN."""
    ended = [line.rsplit(" ", 1) for line in output.splitlines()]
    return {row[0]: row[1] for row in ended if len(row) == 2 and row[1] in ("KEPT", "BROKEN")}


def test_the_tree_keeps_every_contract():
    code, output = lint(ROOT)
    assert code == 0, output
    assert set(verdicts(output).values()) == {"KEPT"}


def test_each_wrong_import_breaks_the_contract_that_is_there_for_it(copy):
    for name, (line, _) in WRONG.items():
        path = copy / name
        path.write_text(f"{path.read_text()}\n{line}  # noqa\n")
    code, output = lint(copy)
    assert code != 0
    found = verdicts(output)
    broken = [name for name, verdict in found.items() if verdict == "BROKEN"]
    assert len(found) == len(WRONG)
    for name, (line, contract) in WRONG.items():
        assert any(contract in one for one in broken), f"{line} in {name} went through:\n{output}"
    for module, other in (
        ("bot.domain.times", "redis"),
        ("bot.services.finder", "bot.adapters.keys"),
    ):
        assert any(module in said and other in said for said in output.splitlines()), output
