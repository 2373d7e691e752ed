"""What Slack demands of the blocks that hold data: tables, charts, rich text, markdown."""

from typing import Any

from bot.demo.localslack.checking import MISSING, Problems
from bot.demo.localslack.errors import Json

_COLUMNS = 20
_TABLE_ROWS = 100
_DATA_ROWS = 101  # what every workspace takes; some take 201
_PAGE_SIZE = 100
_CELL_TOTAL = 10_000
_DATA_TOTAL = 20_000
_CHARTS = {"line", "bar", "area", "pie"}
_SERIES = 12
_POINTS = 20
_LABEL = 20
_TITLE = 50
_MARKDOWN = 12_000
_RICH = {"rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted"}


def _length(value: Any) -> int:
    if isinstance(value, dict):
        own = len(value["text"]) if isinstance(value.get("text"), str) else 0
        return own + sum(_length(nested) for nested in value.values())
    if isinstance(value, list):
        return sum(_length(item) for item in value)
    return 0


def _check_cell(found: Problems, cell: Any, path: str, kinds: set[str]) -> None:
    if not found.is_object(cell, path):
        return
    kind = cell.get("type")
    if kind not in kinds:
        found.add(f"{path}/type", f"unsupported type: {kind}")
    elif kind == "rich_text":
        check_rich_text(found, cell, path)
    elif kind == "raw_text":
        found.string(cell, "text", path, longest=_CELL_TOTAL)
    elif not isinstance(cell.get("value"), int | float):
        found.add(path, f"{MISSING}: value")


def _check_rows(found: Problems, rows: list[Any], path: str, kinds: set[str]) -> int:
    widths: set[int] = set()
    for index, row in enumerate(rows):
        where = f"{path}/rows/{index}"
        if not isinstance(row, list):
            found.add(where, "must be an array")
            continue
        widths.add(len(row))
        for column, cell in enumerate(row):
            _check_cell(found, cell, f"{where}/{column}", kinds)
    widest = max(widths, default=0)
    if widest > _COLUMNS:
        found.add(f"{path}/rows", f"no more than {_COLUMNS} columns allowed")
    if len(widths) > 1:
        found.add(f"{path}/rows", "all rows must have the same number of columns")
    return widest


def check_table(found: Problems, block: Json, path: str) -> None:
    """The plain ``table`` block: up to 100 rows of 20 cells."""
    rows = found.items(block, "rows", path, least=1, most=_TABLE_ROWS)
    _check_rows(found, rows, path, {"raw_text", "rich_text"})
    found.items(block, "column_settings", path, least=0, most=_COLUMNS, required=False)
    if _length(rows) > _CELL_TOTAL:
        found.add(f"{path}/rows", f"must be less than {_CELL_TOTAL + 1} characters in total")


def check_data_table(found: Problems, block: Json, path: str) -> None:
    """The ``data_table`` block: a header row and up to 100 rows of 20 cells."""
    found.string(block, "caption", path, longest=2000)
    rows = found.items(block, "rows", path, least=2, most=_DATA_ROWS)
    widest = _check_rows(found, rows[:1], path, {"raw_text"})
    _check_rows(found, rows, path, {"raw_text", "raw_number", "rich_text"})
    size = block.get("page_size", 5)
    if not isinstance(size, int) or not 1 <= size <= _PAGE_SIZE:
        found.add(f"{path}/page_size", f"must be between 1 and {_PAGE_SIZE}")
    column = block.get("row_header_column_index", 0)
    if not isinstance(column, int) or not 0 <= column < max(widest, 1):
        found.add(f"{path}/row_header_column_index", "must be the index of a column")
    if _length(rows) > _DATA_TOTAL:
        found.add(f"{path}/rows", f"must be less than {_DATA_TOTAL + 1} characters in total")


def check_chart(found: Problems, block: Json, path: str) -> None:
    """The ``data_visualization`` block: a line, bar, area or pie chart."""
    found.string(block, "title", path, longest=_TITLE)
    chart = block.get("chart")
    where = f"{path}/chart"
    if chart is None:
        found.add(path, f"{MISSING}: chart")
    elif found.is_object(chart, where):
        if chart.get("type") not in _CHARTS:
            found.add(f"{where}/type", f"unsupported type: {chart.get('type')}")
        elif chart["type"] == "pie":
            _check_points(found, chart, "segments", where, most=_SERIES)
        else:
            _check_series(found, chart, where)


def _check_points(found: Problems, holder: Json, key: str, path: str, *, most: int) -> list[str]:
    labels: list[str] = []
    for index, point in enumerate(found.items(holder, key, path, least=1, most=most)):
        where = f"{path}/{key}/{index}"
        if found.is_object(point, where):
            labels.append(found.string(point, "label", where, longest=_LABEL))
            if not isinstance(point.get("value"), int | float):
                found.add(where, f"{MISSING}: value")
    return labels


def _check_series(found: Problems, chart: Json, path: str) -> None:
    axis = chart.get("axis_config")
    categories: list[Any] = []
    if axis is None:
        found.add(path, f"{MISSING}: axis_config")
    elif found.is_object(axis, f"{path}/axis_config"):
        where = f"{path}/axis_config"
        categories = found.items(axis, "categories", where, least=1, most=_POINTS)
        for index, label in enumerate(categories):
            if not isinstance(label, str) or not 1 <= len(label) <= _LABEL:
                found.add(f"{where}/categories/{index}", f"must be 1 to {_LABEL} characters")
        for key in ("x_label", "y_label"):
            found.string(axis, key, where, longest=_TITLE, required=False)
    names: list[str] = []
    for index, series in enumerate(found.items(chart, "series", path, least=1, most=_SERIES)):
        where = f"{path}/series/{index}"
        if found.is_object(series, where):
            names.append(found.string(series, "name", where, longest=_LABEL))
            labels = _check_points(found, series, "data", where, most=_POINTS)
            if labels != categories:
                found.add(f"{where}/data", "labels must match the categories")
    if len(set(names)) != len(names):
        found.add(f"{path}/series", "series names must be unique")


def check_markdown(found: Problems, block: Json, path: str) -> None:
    """The ``markdown`` block."""
    found.string(block, "text", path, longest=_MARKDOWN)


def check_rich_text(found: Problems, block: Json, path: str) -> None:
    """The ``rich_text`` block, down to the kinds of its parts."""
    for index, part in enumerate(found.items(block, "elements", path, least=0, most=500)):
        where = f"{path}/elements/{index}"
        if not found.is_object(part, where):
            continue
        if part.get("type") not in _RICH:
            found.add(f"{where}/type", f"unsupported type: {part.get('type')}")
            continue
        for number, leaf in enumerate(found.items(part, "elements", where, least=0, most=500)):
            spot = f"{where}/elements/{number}"
            if found.is_object(leaf, spot) and leaf.get("type") == "text":
                found.string(leaf, "text", spot, longest=_MARKDOWN)
