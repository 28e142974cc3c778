"""Writes tables in Markdown, as Dagster's UI shows them in the metadata of assets and checks."""

from collections.abc import Collection, Iterable, Sequence


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], numbers: Collection[str] = ()) -> str:
    r"""Return a table; the columns named in `numbers` are right-aligned. None is an empty cell.

    >>> print(table(("rule", "rows"), [("a|b", 1200), (None, 3)], numbers=["rows"]))
    | rule | rows |
    |---|---:|
    | a\|b | 1,200 |
    |  | 3 |
    """
    rule = "|".join("---:" if heading in numbers else "---" for heading in headings)
    lines = (_line(row) for row in rows)
    return "\n".join([_line(headings), f"|{rule}|", *lines])


def _line(cells: Iterable[object]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
