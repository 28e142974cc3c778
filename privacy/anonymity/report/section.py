"""The parts of a report's section: measured statements, open questions for people, and tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from privacy.anonymity.spec.release_context import QUESTIONS, Context


@dataclass(frozen=True)
class Statement:
    """A `value` under a `label`. When the value is None, `question` is what a person must still decide."""

    label: str
    value: str | None = None
    question: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of text under a heading."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """A section of a report. `key` is its number in the standard or guideline."""

    key: str
    title: str
    statements: Sequence[Statement]
    tables: Sequence[Table] = ()

    def as_dict(self) -> dict[str, Any]:
        """Returns the section as dicts, lists and text."""
        out: dict[str, Any] = {"title": self.title}
        for one in self.statements:
            out[one.label] = one.value if one.value is not None else {"to_decide": one.question}
        if self.tables:
            out["tables"] = [[dict(zip(table.head, row, strict=True)) for row in table.rows] for table in self.tables]
        return out


def asked(context: Context, label: str, field: str) -> Statement:
    """Returns the context's answer to a question as a statement; an open question when the field is None."""
    answer = getattr(context, field)
    return Statement(label, None if answer is None else str(answer), QUESTIONS[field])


def percent(value: float) -> str:
    """Returns a share of 1 as text.

    >>> percent(0.12345)
    '12.3 %'
    """
    return f"{value:.1%}".replace("%", " %")
