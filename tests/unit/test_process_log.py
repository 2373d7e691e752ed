"""No secret that is known reaches the process' log, in whatever shape and place it comes."""

import json
import logging

import pytest
import structlog

from bot.adapters import process_log

SECRETS = ["xoxb-hunter2", "hunter2", "redis://user:p%40ss/wörd@h/0", "p@ss/wörd", "abc", ""]


@pytest.fixture
def written(capsys):
    """Set the log up as the bot does, and read what comes out; all is put back after."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    known = logging.Logger.manager.loggerDict
    levels = {name: one.level for name, one in known.items() if isinstance(one, logging.Logger)}

    def set_up(*, console=False, level="info"):
        process_log.set_up(level=level, console=console, secrets=SECRETS)
        return structlog.get_logger("test"), lambda: capsys.readouterr().out

    yield set_up
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, one in known.items():
        if isinstance(one, logging.Logger):
            one.setLevel(levels.get(name, logging.NOTSET))
    structlog.reset_defaults()


def broken(error):
    raise error


class Odd:
    def __str__(self):
        return "odd with hunter2"


FIELDS = {
    "text": "token xoxb-hunter2 and xoxb-hunter2",
    "url": "redis://user:p%40ss/wörd@h/0",
    "deep": {"list": ["p@ss/wörd", ("hunter2", 7)]},
    "error": ValueError("hunter2"),
    "odd": Odd(),
    "bytes": b"hunter2",
}


@pytest.mark.parametrize("console", [False, True], ids=["json", "console"])
def test_a_secret_is_masked_wherever_it_stands(written, console):
    log, read = written(console=console)
    log.info("hello hunter2", **FIELDS)
    out = read()
    assert "hunter2" not in out
    assert "wörd" not in out
    assert out.count("••••") >= 8


def test_a_secret_that_holds_another_is_masked_whole(written):
    log, read = written()
    log.info("xoxb-hunter2")
    assert json.loads(read())["event"] == "••••"


def test_texts_too_short_to_be_secrets_are_left_alone(written):
    log, read = written()
    log.info("the abc of it")
    assert json.loads(read())["event"] == "the abc of it"


@pytest.mark.parametrize("console", [False, True], ids=["json", "console"])
def test_a_stack_is_there_and_its_secrets_are_not(written, console):
    log, read = written(console=console)
    try:
        broken(ConnectionError("to redis://user:p%40ss/wörd@h/0 with hunter2"))
    except ConnectionError:
        log.exception("it broke")
    out = read()
    assert "Traceback" in out
    assert "ConnectionError" in out
    assert "hunter2" not in out
    assert "wörd" not in out


@pytest.mark.parametrize("console", [False, True], ids=["json", "console"])
def test_the_libraries_own_words_are_masked_too(written, console):
    _, read = written(console=console)
    library = logging.getLogger("slack_bolt.App")
    library.warning("sent %s", "xoxb-hunter2")
    try:
        broken(OSError("hunter2"))
    except OSError:
        library.exception("failed")
    out = read()
    assert "sent ••••" in out
    assert "OSError" in out
    assert "hunter2" not in out


def test_an_event_is_one_line_of_json_with_its_time_level_and_place(written):
    log, read = written()
    log.warning("two\nlines", number=3, none=None, yes=True)
    [line] = read().splitlines()
    event = json.loads(line)
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "two\nlines", "level": "warning", "logger": "test",
        "number": 3, "none": None, "yes": True,
    }  # fmt: skip


@pytest.mark.parametrize(("level", "heard"), [("info", False), ("debug", True)])
def test_the_libraries_chatter_is_for_debugging(written, level, heard):
    log, read = written(level=level)
    logging.getLogger("slack_sdk.web").info("sending a request")
    log.debug("ours")
    out = read()
    assert ("sending a request" in out) is heard
    assert ("ours" in out) is heard
