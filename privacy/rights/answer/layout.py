"""Arranges an answer as blocks, which `html_page` and `pdf_page` render alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from privacy.rights.answer.content import Answer, Group, filled_fields
from privacy.rights.answer.statement import Texts
from privacy.rights.answer.value_text import readable_value
from privacy.rights.explanation import ExplainedDecision
from privacy.rights.subject_store import ExportedField, ExportedTable

SHOWN_ROWS, LEAST_SHOWN = 10, 5
"""Most rows of a table in a page, and on paper; the archive has all."""


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the title."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of text; `is_note` sets it smaller."""

    text: str
    is_note: bool = False


@dataclass(frozen=True)
class Items:
    """A list of sentences."""

    texts: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """A table with headers. `is_wide`: it may have too many columns for a page, so paper shows each row by itself.

    `is_detail`: a screen shows it folded, and paper leaves it out, because the rest of the section says the same.
    """

    caption: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    is_wide: bool = False
    is_detail: bool = False


Block: TypeAlias = Heading | Paragraph | Items | Grid


def arrange(answer: Answer, text: Texts) -> Iterator[Block]:
    """Yield the blocks of an answer in one language."""
    yield Heading(text(f"{answer.kind}title"), 1)
    yield Paragraph(text(f"{answer.kind}subtitle"))
    facts = (
        ("controller", answer.controller),
        ("request", answer.request_id),
        ("made_at", f"{answer.made_at:%Y-%m-%d %H:%M}"),
    )
    yield Grid(text("request"), (), tuple((text(key), value) for key, value in facts))
    if not answer.is_explanation:
        yield Paragraph(text("how_to_read") if answer.row_count else text("no_rows"))
    yield from _overview(answer, text)
    if answer.permissions and not answer.is_portable:
        yield Heading(text("consents"))
        states = {True: text("permitted"), False: text("not_permitted")}
        rows = tuple((text.of(answer.names.purpose(p)), states[is_]) for p, is_ in answer.permissions.items())
        yield Grid(text("consents"), (text("purpose"), text("status")), rows)
    for group in Group:
        tables = answer.group(group)
        if tables:
            yield Heading(text(f"group_{group}"))
        for table in tables:
            yield from _table(answer, table, text)
    if not answer.is_portable:
        yield from _decisions(answer, text)
    if not answer.is_portable and not answer.is_explanation:
        yield from _recipients(answer, text)
    yield from _withheld(answer, text)
    if answer.notes:
        yield Heading(text("notes"))
        yield Items(tuple(text.of(note.text) for note in answer.notes))
    yield Heading(text("rights"))
    yield Items(tuple(text.rights(answer.jurisdiction)))


def file_of(table: ExportedTable) -> str:
    """Return the name of a table's file in the archive."""
    return f"data/{table.name.replace('/', '_')}.csv"


def _overview(answer: Answer, text: Texts) -> Iterator[Block]:
    tables = [table for group in Group for table in answer.group(group)]
    if not tables:
        return
    yield Heading(text("overview"))
    rows = tuple((text.of(t.title), f"{len(t.rows):,}", text.of(t.fields[0].source)) for t in tables)
    yield Grid(text("overview"), (text("table"), text("rows"), text("source")), rows)


def _table(answer: Answer, table: ExportedTable, text: Texts) -> Iterator[Block]:
    first = table.fields[0]
    yield Heading(f"{text.of(table.title)} ({len(table.rows):,})", 3)
    common = tuple(p for p in first.purposes if all(p in field.purposes for field in table.fields))
    facts = [(text("source"), text.of(first.source)), (text("purposes"), _purposes(answer, common, text))]
    facts += [
        (f"{text('purposes')}: {text.of(field.title)}", _purposes(answer, field.purposes, text))
        for field in table.fields
        if set(field.purposes) != set(common) and set(field.purposes) != set(first.purposes)
    ][:8]
    facts += [(text("retention"), text.of(first.retention))]
    if table.recipients:
        facts += [(text("recipients"), ", ".join(text.of(answer.names.recipient(r)) for r in table.recipients))]
    yield Grid(text.of(table.title), (), tuple(facts))
    filled = set(filled_fields(table))
    shown = [field for field in table.fields if field.name in filled]
    if len(table.rows) == 1:
        yield _single(table, shown, text)
    else:
        rows = tuple(
            tuple(readable_value(row.get(field.name), text.language) for field in shown)
            for row in table.rows[:SHOWN_ROWS]
        )
        yield Grid(text.of(table.title), tuple(text.of(field.title) for field in shown), rows, is_wide=True)
    empty = [text.of(field.title) for field in table.fields if field.name not in filled]
    if empty:
        yield Paragraph(f"{text('empty_fields')}: {', '.join(empty)}", is_note=True)
    if len(table.rows) > LEAST_SHOWN:
        note = text("shown_rows", all=f"{len(table.rows):,}", file=file_of(table))
        yield Paragraph(note, is_note=True)
    yield _fields(answer, table, text)


def _single(table: ExportedTable, shown: list[ExportedField], text: Texts) -> Grid:
    """Return the only row of a table, one field a line. The contract states meanings in English only."""
    row, has_meaning = table.rows[0], text.language == "en"
    headers = (text("field"), text("value"), *([text("meaning")] if has_meaning else []))
    lines = tuple(
        (text.of(f.title), readable_value(row.get(f.name), text.language), *([f.meaning] if has_meaning else []))
        for f in shown
    )
    return Grid(text.of(table.title), headers, lines)


def _fields(answer: Answer, table: ExportedTable, text: Texts) -> Grid:
    headers = tuple(text(key) for key in ("field", "purpose", "source", "retention"))
    rows = tuple(
        (
            f"{text.of(field.title)} ({field.name})",
            _purposes(answer, field.purposes, text),
            text.of(field.source),
            text.of(field.retention),
        )
        for field in table.fields
    )
    return Grid(text("fields_of"), headers, rows, is_detail=True)


def _purposes(answer: Answer, purposes: tuple[str, ...], text: Texts) -> str:
    return "; ".join(text.of(answer.names.purpose(purpose)) for purpose in purposes) or "–"


def _decisions(answer: Answer, text: Texts) -> Iterator[Block]:
    yield Heading(text("decisions"))
    if not answer.decisions:
        yield Paragraph(text("no_decisions"))
    for decision in answer.decisions:
        yield from explained(decision, text)


def explained(decision: ExplainedDecision, text: Texts) -> Iterator[Block]:
    """Yield the explanation of one automated decision."""
    yield Heading(text.of(decision.title), 3)
    last = "" if decision.last_at is None else f", {decision.last_at:%Y-%m-%d %H:%M}"
    inputs = "; ".join(text.of(one.title) + ("" if one.value is None else f": {one.value}") for one in decision.inputs)
    facts = (
        (text("logic"), text.of(decision.logic)),
        (text("inputs"), inputs or "–"),
        (text("effect"), text.of(decision.effect)),
        (text("times"), f"{decision.times:,}{last}"),
        (text("review"), text.of(decision.review)),
    )
    yield Grid(text.of(decision.title), (), facts)


def _recipients(answer: Answer, text: Texts) -> Iterator[Block]:
    yield Heading(text("recipients_title"))
    inside = ", ".join(text.of(answer.names.recipient(role)) for role in answer.recipients)
    outside = text("named_outside", names=", ".join(answer.outside)) if answer.outside else text("no_outside")
    yield Grid(text("recipients_title"), (), ((text("internal"), inside or "–"), (text("outside"), outside)))


def _withheld(answer: Answer, text: Texts) -> Iterator[Block]:
    if not answer.withheld:
        return
    yield Heading(text("withheld"))
    yield Paragraph(text("withheld_reason"))
    headers = (text("table"), text("withheld_rows"), text("withheld_values"))
    rows = tuple((text.of(t.title), f"{t.withheld_rows:,}", f"{t.withheld_values:,}") for t in answer.withheld)
    yield Grid(text("withheld"), headers, rows)
