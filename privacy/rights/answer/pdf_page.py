"""Renders an answer as a PDF file for paper: A4, page numbers, Korean letters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from privacy.rights.answer.content import Answer
from privacy.rights.answer.layout import LEAST_SHOWN, Block, Grid, Heading, Items, Paragraph, arrange
from privacy.rights.answer.statement import Texts
from privacy.rights.answer.value_text import EMPTY
from privacy.rights.pdf_font import korean_font
from privacy.rights.wording import Language

if TYPE_CHECKING:
    from fpdf import FPDF

_FAMILY = "korean"
_SIZES = {1: 18.0, 2: 13.0, 3: 10.5}
_BODY, _NOTE = 9.0, 8.0
_LONGEST = 600
"""Most characters of a value on paper; the archive has the whole value."""


def render_pdf(answer: Answer, language: Language) -> bytes:
    """Return the file in one language.

    Raises:
        RightsError: the machine has no font with Korean letters.
    """
    text = Texts(language)
    pdf = _paper(language, f"{answer.controller} · {answer.request_id}")
    pdf.set_title(text(f"{answer.kind}title"))
    for block in arrange(answer, text):
        _draw(pdf, block, text)
    return bytes(pdf.output())


def _paper(language: Language, footer: str) -> FPDF:
    from fpdf import FPDF

    class Paper(FPDF):
        def footer(self) -> None:
            self.set_y(-14)
            self.set_font(_FAMILY, size=_NOTE)
            self.set_text_color(90, 95, 105)
            self.cell(0, 6, f"{footer}   {self.page_no()} / {{nb}}", align="C")
            self.set_text_color(0, 0, 0)

    path, face = korean_font()
    pdf = Paper(format="A4")
    pdf.add_font(_FAMILY, fname=path, collection_font_number=face)
    pdf.set_lang(language)
    pdf.set_margins(18, 16, 18)
    pdf.set_auto_page_break(True, 18)
    pdf.add_page()
    pdf.set_font(_FAMILY, size=_BODY)
    return pdf


def _draw(pdf: Any, block: Block, text: Texts) -> None:
    if isinstance(block, Heading):
        _heading(pdf, block)
    elif isinstance(block, Paragraph):
        _lines(pdf, block.text, _NOTE if block.is_note else _BODY)
        pdf.ln(1.5)
    elif isinstance(block, Items):
        for item in block.texts:
            _lines(pdf, f"• {item}", _BODY)
            pdf.ln(1)
    elif block.is_wide:
        _records(pdf, block, text)
    elif not block.is_detail:
        _grid(pdf, block)


def _heading(pdf: Any, heading: Heading) -> None:
    # A heading at the foot of a page would stand alone.
    if pdf.will_page_break(40 if heading.level < 3 else 30):
        pdf.add_page()
    pdf.ln({1: 0, 2: 6, 3: 4}[heading.level])
    pdf.set_text_color(28, 60, 95)
    with pdf.local_context():
        _lines(pdf, heading.text, _SIZES[heading.level])
    pdf.set_text_color(0, 0, 0)
    if heading.level == 2:
        pdf.set_draw_color(43, 93, 138)
        pdf.line(pdf.l_margin, pdf.get_y() + 0.5, pdf.w - pdf.r_margin, pdf.get_y() + 0.5)
        pdf.ln(2)


def _lines(pdf: Any, text: str, size: float) -> None:
    pdf.set_font(_FAMILY, size=size)
    pdf.multi_cell(0, size * 0.55, _printable(text), align="L", new_x="LMARGIN", new_y="NEXT")


def _grid(pdf: Any, grid: Grid) -> None:
    from fpdf.fonts import FontFace

    count = len(grid.rows[0]) if grid.rows else len(grid.headers)
    widths = {2: (3, 7) if not grid.headers else (5, 5), 3: (4, 3, 6)}.get(count, (1,) * count)
    pdf.set_font(_FAMILY, size=_BODY)
    pdf.set_draw_color(205, 210, 218)
    style = FontFace(fill_color=(236, 240, 245))
    with pdf.table(
        col_widths=widths, text_align="LEFT", line_height=_BODY * 0.55, headings_style=style, padding=1,
        borders_layout="HORIZONTAL_LINES", first_row_as_headings=bool(grid.headers),
    ) as table:  # fmt: skip
        for cells in (*([grid.headers] if grid.headers else []), *grid.rows):
            row = table.row()
            for number, cell in enumerate(cells):
                is_label = not grid.headers and number == 0
                row.cell(_printable(cell), style=style if is_label else None)
    pdf.ln(2)


def _records(pdf: Any, grid: Grid, text: Texts) -> None:
    for number, row in enumerate(grid.rows[:LEAST_SHOWN], start=1):
        pairs = ((name, value) for name, value in zip(grid.headers, row, strict=True) if value != EMPTY)
        _lines(pdf, f"{text('row')} {number}   " + "  ·  ".join(f"{name}: {value}" for name, value in pairs), _NOTE)
        pdf.ln(1.2)


def _printable(text: str) -> str:
    """Return a text without characters that no font draws; a long one is cut."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return plain if len(plain) <= _LONGEST else plain[:_LONGEST] + "…"
