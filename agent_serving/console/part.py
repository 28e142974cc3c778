"""The parts of a section about one customer: facts, tables, charts and notes, for a page and for the terminal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from agent_serving.console.cell import Share, Withheld
from agent_serving.console.chart import Chart
from installation.contract.document import Contract
from privacy.rights.wording import Wording

_REASONS = {
    r"does not serve .*": Wording("does not serve this purpose", "이 목적에 쓰이지 않는 항목"),
    r"identifies the person": Wording("identifies the person", "개인을 직접 식별하는 항목"),
    r"is a quasi-identifier, .*": Wording("could identify the person", "개인을 식별할 수 있는 항목"),
    r"is sensitive, .*": Wording("is sensitive", "민감한 항목"),
    r"has the category .*": Wording("is not for this role", "이 역할에는 제공되지 않는 항목"),
    r"is an identifier that could link .*": Wording(
        "could link the pseudonym to the customer", "가명을 고객과 연결할 수 있는 항목"
    ),
    r"may not be read for it by law \((.*)\)": Wording(r"forbidden by law (\1)", r"법령상 금지 (\1)"),
    r"is stored encrypted.*": Wording("is stored encrypted", "암호화되어 저장된 항목"),
    r"The role \S+ may not read \S+; .*": Wording(
        "This role may not read this table.", "이 역할은 이 테이블을 읽을 수 없습니다."
    ),
}  # fmt: skip
"""Reasons of `privacy.access.plan`, as patterns, in the words of the page."""
NO_CONSENT = Wording("the customer does not permit this purpose", "고객이 이 목적을 허용하지 않음")
_REFUSED = Wording(
    "This role may not read any of this for the purpose of the session. Another purpose may allow it.",
    "이 역할은 현재 이용 목적으로 이 내용을 볼 수 없습니다. 다른 이용 목적에서는 볼 수 있을지도 모릅니다."
)  # fmt: skip
_SHARES = ("_share", "_rate", "_probability")


@dataclass(frozen=True)
class Fact:
    """One value with where it comes from. `value` is None, `Withheld`, or a value of `agent_serving.console.cell`.

    `source`, `on` and `rule` say which table or register stated it, when, and how it was chosen; None where unknown.
    """

    column: str
    name: Wording
    value: Any
    source: Wording | None = None
    on: Any = None
    rule: Wording | None = None


@dataclass(frozen=True)
class Facts:
    """A group of values."""

    title: Wording
    facts: tuple[Fact, ...]
    is_glance: bool = False
    """Whether these are the few values that matter the most, shown large and without their sources."""


@dataclass(frozen=True)
class Grid:
    """A table. `rows` hold values of `agent_serving.console.cell`; `empty` is the text without rows."""

    title: Wording
    heads: tuple[Wording, ...]
    rows: Sequence[Sequence[Any]]
    empty: Wording


@dataclass(frozen=True)
class Note:
    """A sentence. `kind`: plain, warn or bad."""

    text: Wording
    kind: str = "plain"


Part = Facts | Grid | Chart | Note


FACT_HEADS: tuple[Wording, ...] = (
    Wording("Value", "항목"), Wording("Is", "값"), Wording("Source", "출처"), Wording("As of", "기준일"),
    Wording("Rule", "선택 기준"),
)  # fmt: skip
"""Heads of the columns in which facts are listed."""


def reason_text(reason: str) -> Wording:
    """Return why something is withheld, in the words of the page.

    >>> reason_text("does not serve research").en
    'does not serve this purpose'
    """
    for pattern, text in _REASONS.items():
        if found := re.fullmatch(pattern, reason, re.DOTALL):
            return Wording(found.expand(text.en), found.expand(text.ko))
    return _REFUSED


def shown(contract: Contract, column: str, value: Any) -> Any:
    """Return a stored value as a page shows it: shares as percentages, amounts and measures with their unit.

    Args:
        contract: of the table.
        column: the column.
        value: as it is stored.
    """
    if isinstance(value, float) and column.endswith(_SHARES):
        return Share(value)
    if column.endswith("_year"):
        return None if value is None else str(value)
    unit = contract.column(column).unit
    if unit is None or not isinstance(value, int | float | Decimal) or isinstance(value, bool):
        return list(value) if isinstance(value, tuple | list) else value
    digits = 0 if isinstance(value, int) else 2
    text = f"{value:,.{digits}f}"
    return f"{text} {unit}" if unit == "USD" or "." not in text else f"{text.rstrip('0').rstrip('.')} {unit}"


def withheld(reason: Wording) -> Withheld:
    """Return a value that is not shown."""
    return Withheld(reason)


def form_of(part: Part) -> str:
    """Return the name of a part's form, for a template: glance, facts, grid, chart or note."""
    match part:
        case Facts():
            return "glance" if part.is_glance else "facts"
        case Grid():
            return "grid"
        case Note():
            return "note"
    return "chart"
