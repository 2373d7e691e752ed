"""The scopes that the bot token needs: those of `manifest.yml`, which a test holds to it."""

from __future__ import annotations

from typing import Final

NEEDED: Final = (
    "commands",
    "chat:write",
    "chat:write.public",
    "channels:history",
    "groups:history",
    "channels:read",
    "groups:read",
    "usergroups:read",
    "im:write",
    "files:write",
)
"""In the order of the manifest."""

POST_UNINVITED: Final = "chat:write.public"
"""What lets the bot post in public channels that it is not in."""


def missing(granted: frozenset[str]) -> tuple[str, ...]:
    """The needed scopes that were not granted, in the manifest's order."""
    return tuple(scope for scope in NEEDED if scope not in granted)
