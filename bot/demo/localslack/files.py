"""The files of the workspace, in memory."""

from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Stored:
    """A file: announced, uploaded (then it has content), and shared (then it has a title)."""

    id: str
    name: str
    length: int
    key: str
    content: bytes | None = None
    title: str = ""


@dataclass(kw_only=True)
class FileStore:
    """The files of the workspace."""

    files: dict[str, Stored] = field(default_factory=dict)

    def by_key(self, key: str) -> Stored | None:
        """The file of an upload address."""
        return next((one for one in self.files.values() if one.key == key), None)
