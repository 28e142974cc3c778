"""Renders an answer as one accessible HTML page without scripts and external references."""

from __future__ import annotations

from html import escape

from privacy.rights.answer.content import Answer
from privacy.rights.answer.layout import Block, Grid, Heading, Items, Paragraph, arrange
from privacy.rights.answer.statement import Texts
from privacy.rights.wording import Language

_STYLE = (
    "body{font:16px/1.6 system-ui,'Noto Sans CJK KR','Apple SD Gothic Neo','Malgun Gothic',sans-serif;max-width:60rem;"
    "margin:2rem auto;padding:0 1rem;color:#1f2430;background:#fff;word-break:keep-all;overflow-wrap:anywhere}"
    "h1{font-size:1.8rem;margin-bottom:.2rem}h2{margin-top:2.5rem;border-bottom:2px solid #2b5d8a;padding-bottom:.2rem}"
    "h3{margin:2rem 0 .4rem}p.note{color:#4a5160;font-size:.92rem}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0}th,td{border-bottom:1px solid #d5d9e0;padding:.35rem "
    ".8rem .35rem 0;text-align:left;vertical-align:top}thead th{border-bottom:2px solid #8a93a3}"
    "table.facts th{width:13rem;font-weight:600}caption{position:absolute;width:1px;height:1px;overflow:hidden;"
    "clip-path:inset(50%)}.wide{overflow-x:auto}.wide td,.wide th{white-space:nowrap}.wide td.long{white-space:normal;"
    "min-width:20rem}summary{cursor:pointer;color:#1c4f7c}details table{font-size:.9rem}"
    "@media print{body{margin:0;max-width:none}details{display:none}h2,h3{break-after:avoid}}"
)
_LONG = 40
"""Characters of a value from which on it is broken into lines."""


def render_html(answer: Answer, language: Language) -> str:
    """Return the page in one language. Every value is escaped."""
    text = Texts(language)
    title = escape(text(f"{answer.kind}title"))
    body = "\n".join(_block(block) for block in arrange(answer, text))
    return (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<style>{_STYLE}</style></head><body><main>\n{body}\n</main></body></html>\n"
    )


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        return f"<h{block.level}>{escape(block.text)}</h{block.level}>"
    if isinstance(block, Paragraph):
        return f'<p class="note">{escape(block.text)}</p>' if block.is_note else f"<p>{escape(block.text)}</p>"
    if isinstance(block, Items):
        return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in block.texts) + "</ul>"
    return _grid(block)


def _grid(grid: Grid) -> str:
    caption = f"<caption>{escape(grid.caption)}</caption>"
    if not grid.headers:
        rows = "".join(f'<tr><th scope="row">{escape(a)}</th><td>{escape(b)}</td></tr>' for a, b in grid.rows)
        return f'<table class="facts">{caption}<tbody>{rows}</tbody></table>'
    head = "".join(f'<th scope="col">{escape(header)}</th>' for header in grid.headers)
    rows = "".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in grid.rows)
    table = f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    if grid.is_detail:
        return f"<details><summary>{escape(grid.caption)}</summary>{table}</details>"
    # A region that scrolls must be reachable by keyboard.
    label = escape(grid.caption)
    return f'<div class="wide" role="region" tabindex="0" aria-label="{label}">{table}</div>' if grid.is_wide else table


def _cell(text: str) -> str:
    return f'<td class="long">{escape(text)}</td>' if len(text) > _LONG else f"<td>{escape(text)}</td>"
