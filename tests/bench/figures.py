"""Series of measurements, and the one table they end up in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import Final

from tests.bench.wire import HEAD, Wire

MANY: Final = 50
"""From so many values on a 99th percentile is shown."""
_HEAD: Final = ("", "median", "min", "max", "p99", "n", "ratio", *HEAD)


@dataclass(frozen=True, kw_only=True)
class Row:
    """What was measured, in ms or MB. The first row of its part is what `ratio` refers to."""

    what: str
    values: Sequence[float]
    unit: str = "ms"
    wire: Wire | None = None


@dataclass(frozen=True, kw_only=True)
class Part:
    """Rows that are compared with each other, and remarks on what came of it."""

    title: str
    rows: Sequence[Row]
    remarks: Sequence[str] = ()


def table(parts: Iterable[Part]) -> str:
    """All parts below one head, columns in line."""
    lines: list[tuple[str, ...] | str] = [_HEAD]
    for part in parts:
        lines += ["", part.title]
        lines += [_cells(row, part.rows[0]) for row in part.rows if row.values]
        lines += [f"  {remark}" for remark in part.remarks]
    rows = [line for line in lines if isinstance(line, tuple)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEAD))]
    return "\n".join(line if isinstance(line, str) else _aligned(line, widths) for line in lines)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    first = cells[0].ljust(widths[0])
    rest = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
    return "  ".join([first, *rest]).rstrip()


def _cells(row: Row, base: Row) -> tuple[str, ...]:
    values = sorted(row.values)
    compared = base.values and base.unit == row.unit
    return (
        f"  {row.what}",
        _amount(median(values), row.unit),
        _amount(values[0], row.unit),
        _amount(values[-1], row.unit),
        _amount(percentile(values, 99), row.unit) if len(values) >= MANY else "",
        str(len(values)),
        f"{median(values) / median(base.values):.2f}" if compared else "",
        *(row.wire.cells() if row.wire is not None else ("",) * len(HEAD)),
    )


def goal(
    what: str, value: float, unit: str, *, at_most: float | None = None, at_least: float = 0
) -> str:
    """A remark on a figure that has a goal."""
    met = value >= at_least if at_most is None else value <= at_most
    wanted = f"at least {at_least:g}" if at_most is None else f"at most {at_most:g}"
    return f"{what}: {value:,.3g}{unit} (goal: {wanted}{unit}, {'met' if met else 'MISSED'})"


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that `percent` of all do not exceed."""
    return sorted(values)[ceil(percent / 100 * len(values)) - 1]


def _amount(value: float, unit: str) -> str:
    digits = 2 if value < 1 else 1 if value < 100 else 0
    return f"{value:,.{digits}f} {unit}"
