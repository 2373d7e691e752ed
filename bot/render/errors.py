"""Errors, rendered once, at the edge: a sentence for the person who asked."""

from __future__ import annotations

import re
from typing import Final

from bot.domain.message import Message
from bot.errors import BullhornError
from bot.render.kit import actions, button, finish, section, simple
from bot.render.problems import channel_name
from bot.render.words import date, escape, mention, trusted

_ECHO: Final = re.compile(r'(?<!\w)"([^"]*)(?:"|\Z)')
"""What the person typed, said back to them in quotes, which may be left open."""

_ENOUGH: Final = 60
"""So many characters of it are enough."""


def told(error: BullhornError, ref: str | None = None) -> Message:
    """The error's sentence, with people as mentions and the time in the reader's zone.

    `ref` is the reference that is also in the log.
    """
    text = trusted(_ECHO.sub(_shortened, error.template), 1500) or "Something went wrong."
    if error.people:
        text = text.replace("{people}", _either(error.people))
    if error.at is not None:
        text = text.replace("{at}", date(error.at))
    text = f"{text} (ref {escape(ref, 12)})" if ref else text
    offer = button(error.offer.partition(" ")[0].title(), error.offer) if error.offer else None
    return finish(text, [section(text), actions(offer)]) if offer else simple(text)


def _shortened(found: re.Match[str]) -> str:
    said = found[1]
    return f'"{said[: _ENOUGH - 1]}\u2026"' if len(said) > _ENOUGH else found[0]


def _either(people: tuple[str, ...]) -> str:
    """As in: @alice, @bob or anyone in @ops; channels too; a long list is cut."""
    named = [_named(person) for person in people[:8]]
    if len(named) < 2:  # noqa: PLR2004 - nothing to join
        return named[0] if named else "nobody"
    return f"{', '.join(named[:-1])} or {named[-1]}"


def _named(person: str) -> str:
    if person[:1] in {"C", "G", "D"}:
        return channel_name(person)
    return f"anyone in {mention(person)}" if person.startswith("S") else mention(person)
