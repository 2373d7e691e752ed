"""Every mistake in a config file is one line: file, line, path, what is right."""

import re

import pytest

from bot.config import load_config
from bot.errors import ConfigError
from tests.unit.config_mistakes import SECRETS, SYNTAX, UNKNOWN, VALUES

ENVIRON = {"REDIS_URL": "redis://:hunter2@redis:6379/0"}


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "bullhorn.yml"

    def load(text):
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_config(path.relative_to(tmp_path), environ=ENVIRON)

    return load


MISTAKES = [*UNKNOWN, *VALUES, *SECRETS, *SYNTAX]


@pytest.mark.parametrize(("text", "line"), MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistake_is_one_line_without_any_secret(load, text, line):
    with pytest.raises(ConfigError) as caught:
        load(text)
    said = str(caught.value)
    assert re.match(r"bullhorn\.yml:\d+: ", said)
    if line is not None:
        assert said == f"bullhorn.yml:{line}"
    assert len(said.splitlines()) == 1
    assert "hunter2" not in said


def test_the_mistake_that_stands_first_is_told_first(load):
    with pytest.raises(ConfigError, match=r"^bullhorn\.yml:2: queues\.a\.bullmq"):
        load("queues:\n  a: {bullmq: 2}\n  b: {zzz: 5}\nchannel: 7\n")


def test_laughs_by_the_billion_end_soon(load):
    names = "abcdefghijklm"
    lines = ["a: &a [1,1,1,1,1,1,1,1,1,1]"]
    for one, before in zip(names[1:], names, strict=False):
        lines.append(f"{one}: &{one} [{', '.join([f'*{before}'] * 10)}]")
    with pytest.raises(ConfigError, match="repeats itself too often"):
        load("\n".join(lines))


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("gone.yml", "gone.yml cannot be read: No such file or directory."),
        ("folder", "folder cannot be read: Is a directory."),
        ("a\0\nb", r"a\x00\nb cannot be read: that is not a path."),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, monkeypatch, name, line):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError) as caught:
        load_config(type(tmp_path)(name), environ=ENVIRON)
    assert str(caught.value) == line


def test_without_sources_the_environment_must_name_the_redis():
    with pytest.raises(ConfigError) as caught:
        load_config(None, environ={"REDIS_URL": ""})
    assert str(caught.value) == "REDIS_URL is not set. Set it to redis://HOST:6379/0."
