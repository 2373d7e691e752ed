"""`${NAME}` in addresses: what must not stand in a file comes from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pydantic import SecretStr

from bot.config.texts import quoted

_PLACEHOLDER: Final = re.compile(r"\$\{([^}]*)\}")


class UnsetError(Exception):
    """A placeholder cannot be filled; its text says which, and never a value."""


def filled(text: SecretStr, environ: Mapping[str, str]) -> SecretStr:
    """`text` with the variables in place of their names.

    Raises:
        UnsetError: a variable is not set, or set to nothing.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1].strip()
        found = environ.get(name, "").strip() or _in_any_case(name, environ)
        if not found:
            raise UnsetError(f"{name} is not set." if name.isidentifier() else _odd(match[0]))
        return found

    return SecretStr(_PLACEHOLDER.sub(value, text.get_secret_value().strip()))


def _in_any_case(name: str, environ: Mapping[str, str]) -> str:
    """As the settings do."""
    wanted = name.upper()
    return next((v.strip() for k, v in environ.items() if k.upper() == wanted and v.strip()), "")


def _odd(placeholder: str) -> str:
    return f"{quoted(placeholder)} names no variable. Write it as ${{NAME}}."
