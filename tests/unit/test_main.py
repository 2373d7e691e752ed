"""The command line: what is wrong is one line, and the exit code is 2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot import __version__
from bot.__main__ import main

ROOT = Path(__file__).parents[2]
RIGHT = {
    "REDIS_URL": "redis://user:hunter2@localhost:6379/0",
    "SLACK_BOT_TOKEN": "xoxb-hunter2",
    "SLACK_APP_TOKEN": "xapp-hunter2",
}


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """`bullhorn run` with these variables and this config: the exit code and what was said."""

    def ran(config=None, **environment):
        for name in list(os.environ):
            monkeypatch.delenv(name)
        given = {**RIGHT, **environment}
        if config is not None:
            path = tmp_path / "bullhorn.yml"
            path.write_text(config)
            given["BULLHORN_CONFIG"] = str(path)
        for name, value in given.items():
            if value is not None:
                monkeypatch.setenv(name, value)
        code = main(["run"])
        out, err = capsys.readouterr()
        assert out == ""
        return code, err

    return ran


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"REDIS_URL": None}, "REDIS_URL is not set. Set it to redis://"),
        ({"REDIS_URL": ""}, "REDIS_URL is not set"),
        ({"REDIS_URL": "http://user:hunter2@h"}, "REDIS_URL should begin with redis://"),
        ({"SLACK_BOT_TOKEN": None}, "SLACK_BOT_TOKEN is not set"),
        ({"SLACK_BOT_TOKEN": "hunter2"}, "SLACK_BOT_TOKEN should begin with xoxb-"),
        ({"SLACK_APP_TOKEN": None}, "SLACK_SIGNING_SECRET is not set"),
        ({"PORT": "many"}, "PORT should be a number from 1 to 65535"),
        ({"LOG_FORMAT": "xml"}, "LOG_FORMAT should be json or console"),
        ({"BULLHORN_CONFIG": "/no/such/file.yml"}, "/no/such/file.yml"),
    ],
)
def test_a_wrong_variable_is_one_line_that_names_it(run, environment, told):
    code, err = run(**environment)
    assert code == 2
    assert err.startswith("bullhorn: ")
    assert told in err
    assert err.count("\n") == 1
    assert "hunter2" not in err


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("queue: {}", "queues"),
        ("poll_interval: soon", "soon"),
        ("queues: [", "bullhorn.yml"),
        ("channel: {a: 1}", "channel"),
    ],
)
def test_a_wrong_config_is_one_line_with_its_place(run, config, told):
    code, err = run(config=config)
    assert code == 2
    assert told in err
    assert "bullhorn.yml" in err
    assert err.count("\n") == 1


def test_the_version_is_told_and_that_is_all(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"bullhorn {__version__}\n"


@pytest.mark.parametrize("words", [[], ["rum"], ["run", "--now"], ["demo", "--port", "x"]])
def test_wrong_words_are_exit_code_2_too(capsys, words):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: bullhorn" in capsys.readouterr().err


def test_as_a_process_it_ends_with_2_and_no_traceback():
    done = subprocess.run(
        [sys.executable, "-m", "bot", "run"], cwd=ROOT, env={"PATH": os.environ["PATH"]},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("bullhorn: REDIS_URL is not set")
