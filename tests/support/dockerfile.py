"""Reads a Dockerfile and a .dockerignore as Docker does, as far as ours go; and plays a stage.

There is no Docker where the tests run. So a stage is played in a folder that stands for the root
file system: COPY copies, WORKDIR moves, and RUN runs with `python` and `pip` of a fresh virtual
environment, which stands for the base image.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_ROOTS: Final = re.compile(r"(?<![\w./-])/(?=(?:src|dist|opt)\b)")
"""Where a path of the image begins in a command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One instruction: `RUN`, its flags (`--from=x` as {"from": "x"}), and the rest as written."""

    name: str
    flags: dict[str, str]
    value: str

    @property
    def words(self) -> list[str]:
        """The rest in words, from the JSON form or the other."""
        if self.value.startswith("["):
            return [str(word) for word in json.loads(self.value)]
        return shlex.split(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """From one FROM to the next."""

    base: str
    name: str
    steps: list[Instruction] = field(default_factory=list)

    def every(self, name: str) -> list[Instruction]:
        """Its instructions of that name."""
        return [step for step in self.steps if step.name == name]


def parse(text: str) -> list[Stage]:
    """The stages, in order; an unnamed one has the name "".

    Raises:
        ValueError: something stands before the first FROM.
    """
    stages: list[Stage] = []
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        if not line.strip():
            continue
        name, _, rest = line.strip().partition(" ")
        flags: dict[str, str] = {}
        while match := re.match(r"\s*--([a-z-]+)=(\S+)\s*", rest):
            flags[match[1]] = match[2]
            rest = rest[match.end() :]
        if name == "FROM":
            base, _, alias = rest.partition(" AS ")
            stages.append(Stage(base=base.strip(), name=alias.strip()))
        elif stages:
            value = " ".join(rest.split()) if name != "RUN" else rest.strip()
            stages[-1].steps.append(Instruction(name=name, flags=flags, value=value))
        else:
            raise ValueError(f"{name} stands before the first FROM")
    return stages


class Context:
    """A build context: a folder less what its .dockerignore names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        lines = (folder / ".dockerignore").read_text("utf-8").splitlines()
        self._rules = [
            (not line.startswith("!"), _pattern(line.removeprefix("!").strip("/")))
            for line in (one.strip() for one in lines)
            if line and not line.startswith("#")
        ]

    def has(self, path: str) -> bool:
        """Whether a path, relative to the folder, gets in: the last rule that matches decides."""
        parts = Path(path).parts
        tries = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
        out = False
        for leaves_out, pattern in self._rules:
            if any(pattern.fullmatch(one) for one in tries):
                out = leaves_out
        return not out

    def files(self) -> list[str]:
        """All that gets in. Folders that nothing could come from are not entered."""
        found = []
        for top in sorted(self.folder.iterdir()):
            if not self.has(top.name):
                continue
            inside = sorted(top.rglob("*")) if top.is_dir() else [top]
            names = [one.relative_to(self.folder).as_posix() for one in inside if one.is_file()]
            found += [name for name in names if self.has(name)]
        return found


def _pattern(text: str) -> re.Pattern[str]:
    escaped = re.escape(text)
    return re.compile(
        escaped.replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    )


class StepFailedError(RuntimeError):
    """A RUN ended with an error; the text is what it printed."""


class Play:
    """Stages played one after the other, each in a root of its own under `folder`."""

    def __init__(self, folder: Path, context: Context) -> None:
        self._folder = folder
        self._context = context
        self._fresh: Path | None = None

    def root(self, stage: str) -> Path:
        """What stands for the root file system of a stage."""
        return self._folder / stage

    def run(self, stage: Stage) -> None:
        """Play one stage; those it copies from come first.

        Raises:
            StepFailedError: a RUN did not succeed.
        """
        root = self.root(stage.name)
        base = self._folder / f"{stage.name}-base-image"
        self._make(base)
        place = root
        for step in stage.steps:
            if step.name == "WORKDIR":
                place = root / step.value.lstrip("/")
                place.mkdir(parents=True, exist_ok=True)
            elif step.name == "COPY":
                self._copy(step, root, place)
            elif step.name == "RUN":
                self._shell(_ROOTS.sub(f"{root}/", step.value), place, base)

    def _make(self, base: Path) -> None:
        """A virtual environment with pip in it and nothing else; pip is unpacked once only."""
        first, self._fresh = self._fresh, self._fresh or self._folder / "fresh"
        if first is None:
            subprocess.run([sys.executable, "-m", "venv", str(self._fresh)], check=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(base)], check=True)
        shutil.copytree(self._fresh / "lib", base / "lib", symlinks=True, dirs_exist_ok=True)
        for script in (self._fresh / "bin").glob("pip*"):
            text = script.read_text("utf-8").replace(str(self._fresh), str(base))
            (base / "bin" / script.name).write_text(text, "utf-8")
            (base / "bin" / script.name).chmod(0o755)

    def _copy(self, step: Instruction, root: Path, place: Path) -> None:
        *sources, target = step.words
        into = root / target.lstrip("/") if target.startswith("/") else place / target
        origin = step.flags.get("from")
        for source in sources:
            if origin:
                shutil.copytree(self.root(origin) / source.lstrip("/"), into, dirs_exist_ok=True)
                continue
            names = [name for name in self._context.files() if f"{name}/".startswith(f"{source}/")]
            for name in names:
                rest = name.removeprefix(source).lstrip("/")
                to = into / rest if rest else into / name
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self._context.folder / name, to)

    @staticmethod
    def _shell(command: str, place: Path, base: Path) -> None:
        path = f"{base / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
        dropped = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
        environment = {key: value for key, value in os.environ.items() if key not in dropped}
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=place,
            env={**environment, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise StepFailedError(f"{command}\n{done.stdout}\n{done.stderr}")
