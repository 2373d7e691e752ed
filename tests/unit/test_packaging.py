"""The Dockerfile, word by word: what it promises that can be read off it."""

import re
import tomllib
from pathlib import Path

import pytest

from bot.settings import Settings
from tests.support.dockerfile import Context, parse

ROOT = Path(__file__).parents[2]
STAGES = parse((ROOT / "Dockerfile").read_text("utf-8"))
FINAL = STAGES[-1]
CONTEXT = Context(ROOT)


def _only(stage, name):
    (step,) = stage.every(name)
    return step


def test_every_stage_is_the_same_slim_python_that_the_project_supports():
    bases = {stage.base for stage in STAGES}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (version,) = {re.fullmatch(r"python:3\.(\d+)-slim", base)[1] for base in bases}
    least = re.fullmatch(r">=3\.(\d+)", project["requires-python"])[1]
    assert int(version) >= int(least)


def test_what_is_copied_exists_and_is_not_ignored():
    copied = [
        word
        for stage in STAGES
        for step in stage.every("COPY")
        if "from" not in step.flags
        for word in step.words[:-1]
    ]
    assert copied
    for path in copied:
        assert (ROOT / path).exists(), path
        assert CONTEXT.has(path), path


def test_what_is_copied_from_a_stage_comes_from_an_earlier_one():
    for number, stage in enumerate(STAGES):
        earlier = {one.name for one in STAGES[:number]}
        origins = {step.flags["from"] for step in stage.every("COPY") if "from" in step.flags}
        assert origins <= earlier


def test_the_context_is_what_is_copied_and_nothing_more():
    tops = {name.partition("/")[0] for name in CONTEXT.files()}
    wanted = {"bot", "LICENSE", "README.md", "pyproject.toml"}
    assert tops == {*wanted, "requirements.lock", "requirements-build.lock"}


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        ".git/config",
        ".venv/bin/python",
        "bullhorn.yml",
        "tests/unit/conftest.py",
        "requirements-dev.lock",
        "bot/__pycache__/app.cpython-313.pyc",
        "bot/demo/workload/__pycache__/x.pyc",
    ],
)
def test_secrets_caches_and_tests_stay_out_of_the_context(path):
    assert not CONTEXT.has(path)


def test_data_files_of_the_package_get_in():
    assert {"bot/runbook.yml", "bot/adapters/lua/sample.lua"} <= set(CONTEXT.files())


def test_everything_from_the_index_is_locked_with_hashes():
    for stage in STAGES:
        for step in stage.every("RUN"):
            for command in re.split(r"&&|;", step.value):
                if "pip" in command and re.search(r"\b(install|wheel)\b", command):
                    words = set(command.split())
                    locked = {"--require-hashes", "-r"} <= words
                    assert locked or {"--no-index", "--no-deps"} <= words, command


def test_the_dev_and_demo_packages_are_not_asked_for():
    text = (ROOT / "Dockerfile").read_text("utf-8")
    assert "requirements-dev" not in text
    assert "[demo]" not in text


def test_it_runs_as_a_fixed_number_that_is_not_root_and_owns_nothing():
    uid, gid = _only(FINAL, "USER").value.split(":")
    assert int(uid) >= 10_000
    created = " ".join(step.value for step in FINAL.every("RUN"))
    assert f"--uid {uid}" in created
    assert f"--gid {gid}" in created
    assert all("chown" not in step.flags for step in FINAL.every("COPY"))
    assert "chown" not in created


def test_the_final_stage_takes_the_environment_from_the_build_and_nothing_from_the_context():
    (copy,) = FINAL.every("COPY")
    assert copy.flags["from"] == STAGES[-2].name
    # Scripts name their interpreter: the place must be the one it was built at.
    assert copy.words[0] == copy.words[1]
    assert any(copy.words[0] in step.value for step in STAGES[-2].every("RUN"))
    assert f"PATH={copy.words[0]}/bin:" in _only(FINAL, "ENV").value


def test_it_starts_the_bot_and_other_commands_can_be_given():
    assert _only(FINAL, "ENTRYPOINT").words == ["bullhorn"]
    assert _only(FINAL, "CMD").words == ["run"]


def test_its_port_is_the_default_one():
    assert int(_only(FINAL, "EXPOSE").value) == Settings.model_fields["port"].default


def test_the_health_check_asks_the_bot_by_python_on_the_port_it_was_told():
    words = _health_check()
    assert words[:3] == ["python", "-I", "-c"]
    assert "/healthz" in words[3]
    assert f"os.environ.get('PORT') or {Settings.model_fields['port'].default}" in words[3]
    assert "curl" not in words[3]


def _health_check():
    return parse(f"FROM x\n{_only(FINAL, 'HEALTHCHECK').value}")[0].steps[0].words
