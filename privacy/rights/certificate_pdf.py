"""Shows the statement of a certificate as a PDF for people, in English and Korean."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from privacy.rights.certificate import Statement
from privacy.rights.errors import RightsError
from privacy.rights.pdf_font import korean_font
from privacy.rights.request import Right
from privacy.rights.small_font import small_font
from privacy.rights.wording import Wording

_TITLES = {
    Right.ACCESS: Wording("Access", "열람"),
    Right.PORTABILITY: Wording("Data portability", "개인정보 전송"),
    Right.RECTIFICATION: Wording("Rectification", "정정"),
    Right.ERASURE: Wording("Erasure", "삭제"),
    Right.RESTRICTION: Wording("Restriction of processing", "처리정지"),
    Right.OBJECTION: Wording("Objection", "처리 거부"),
    Right.EXPLANATION: Wording("Explanation of an automated decision", "자동화된 결정에 대한 설명"),
}
_TITLE = Wording("Certificate on a data-subject request", "정보주체 권리 요청 처리 확인서")
_HOW = Wording(
    "This page shows the signed file of the same name (.json). Only that file is proof: check it with "
    "`bojagi rights verify FILE.json`, which also checks this PDF, and compare the fingerprint of the key with the one "
    "that the controller publishes.",
    "이 문서는 같은 이름의 서명된 파일(.json)을 읽기 쉽게 표시한 것입니다. 증명은 그 파일입니다. "
    "`bojagi rights verify FILE.json`으로 확인하고, 키의 지문을 개인정보처리자가 공개한 지문과 비교하십시오.",
)
_CHECKED = Wording("parts decoded and searched", "해독하여 검색한 부분")
_KEPT = Wording("kept by law", "법률에 따라 보관")
_DONE = {"done": Wording("done", "처리 완료"), "not_applicable": Wording("not applicable", "해당 없음")}


def render_certificate(statement: Statement, key_fingerprint: str, font_folder: Path) -> bytes:
    """Return the PDF of a statement. The same statement gives the same bytes with the same fonts and library.

    Without a font with Korean letters on the machine, the text is English, and other letters are shown as `?`.

    Args:
        statement: what the certificate states.
        key_fingerprint: of the key that signs it.
        font_folder: keeps a small font with the letters of all certificates; a whole one takes two seconds to read.
    """
    from fpdf import FPDF

    try:
        font = korean_font()
    except RightsError:
        font = None
    lines = list(_lines(statement, key_fingerprint, is_korean=font is not None))
    pdf = FPDF(format="A4")
    pdf.set_creation_date(statement.completed_at)
    pdf.set_title("Certificate on a data-subject request")
    pdf.set_margins(18, 16, 18)
    pdf.set_auto_page_break(True, 16)
    family = "helvetica"
    if font is None:
        lines = [(text.encode("latin-1", "replace").decode("latin-1"), size) for text, size in lines]
    else:
        # With all fixed words, different certificates share one small font.
        letters = "".join(
            [*(text for text, _ in lines), *(w.ko for w in (*_TITLES.values(), *_DONE.values(), _CHECKED, _KEPT))]
        )
        path, face = small_font(*font, letters, font_folder)
        family = "text"
        pdf.add_font(family, fname=path, collection_font_number=face)
    pdf.add_page()
    for text, size in lines:
        pdf.set_font(family, size=size)
        pdf.multi_cell(0, size * 0.55, text, align="L", new_x="LMARGIN", new_y="NEXT")
        pdf.ln(1)
    return bytes(pdf.output())


def _lines(statement: Statement, key_fingerprint: str, *, is_korean: bool) -> Iterator[tuple[str, float]]:
    """Yield the paragraphs, each with the size of its letters."""

    def both(wording: Wording, between: str = " / ") -> str:
        return f"{wording.en}{between}{wording.ko}" if is_korean else wording.en

    yield both(_TITLE), 16
    for label, value in _head(statement, key_fingerprint):
        yield f"{both(label)}: {value}", 9
    for store in statement.stores:
        yield "", 4
        yield f"{store.store}: {both(_DONE[store.outcome])} {store.reason}".rstrip(), 11
        if store.counts:
            yield ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in sorted(store.counts.items())), 9
        if store.checked:
            listed = json.dumps([part.model_dump() for part in store.checked], ensure_ascii=False, sort_keys=True)
            digest = sha256(listed.encode()).hexdigest()
            yield f"{both(_CHECKED)}: {len(store.checked):,} (SHA-256 {digest})", 9
        for kept in store.retained:
            fields = ", ".join(kept.fields)
            yield f"{both(_KEPT)}: {kept.part}, {kept.rows:,} rows, {fields}; {kept.article}; until {kept.until}", 9
        for sentence in store.remaining:
            yield f"- {sentence}", 9
    yield "", 4
    yield both(_HOW, "\n"), 8


def _head(statement: Statement, key_fingerprint: str) -> list[tuple[Wording, str]]:
    right = _TITLES[statement.right]
    when = "%Y-%m-%d %H:%M %Z"
    head = [
        (Wording("Controller", "개인정보처리자"), statement.controller),
        (Wording("Right", "권리"), f"{right.en} ({right.ko})"),
        (Wording("Request", "요청 번호"), statement.request),
        (Wording("Person (reference without meaning)", "정보주체 (의미 없는 참조 번호)"), statement.subject),
        (Wording("Law", "적용 법률"), f"{statement.law} ({statement.jurisdiction})"),
        (Wording("Received", "접수"), statement.received_at.strftime(when)),
        (Wording("Last day for the answer", "처리 기한"), statement.due_on),
        (Wording("Completed", "완료"), statement.completed_at.strftime(when)),
        (Wording("Identity verified by", "본인 확인 방법"), statement.identity_verified_by),
        (Wording("SHA-256 of the signed statement", "서명된 내용의 SHA-256"), statement.digest()),
        (Wording("Fingerprint of the signing key", "서명 키 지문"), key_fingerprint),
    ]
    kept_out = "a keyed hash keeps the person from coming back by a replay, a backfill or a restored backup"
    head.append((Wording("Suppression", "재유입 차단"), kept_out if statement.is_suppressed else "-"))
    return head
