"""Shows the statement of a certificate as a PDF for people, in English and Korean."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from privacy.rights.certificate import CertifiedStore, Statement
from privacy.rights.errors import RightsError
from privacy.rights.pdf_font import korean_font
from privacy.rights.request import Right
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
_DONE = {
    "done": Wording("done and verified", "처리 및 확인 완료"),
    "not_applicable": Wording("not applicable", "해당 없음"),
}


def render_certificate(statement: Statement, key_fingerprint: str) -> bytes:
    """Return the PDF of a statement. The same statement gives the same bytes with the same fonts and library.

    Without a font with Korean letters on the machine, the text is English, and other letters are shown as `?`.
    """
    from fpdf import FPDF

    pdf = FPDF(format="A4")
    pdf.set_creation_date(statement.completed_at)
    try:
        path, face = korean_font()
        pdf.add_font("text", fname=path, collection_font_number=face)
        page = _Page(pdf, "text", is_korean=True)
    except RightsError:
        page = _Page(pdf, "helvetica", is_korean=False)
    pdf.set_title("Certificate on a data-subject request")
    pdf.set_margins(18, 16, 18)
    pdf.set_auto_page_break(True, 16)
    pdf.add_page()
    page.write(page.both(_TITLE), 16)
    for label, value in _head(statement, key_fingerprint):
        page.write(f"{page.both(label)}: {value}", 9)
    for store in statement.stores:
        _draw_store(page, store)
    page.write("", 4)
    page.write(page.both(_HOW, "\n"), 8)
    return bytes(pdf.output())


class _Page:
    """Writes paragraphs; keeps what the font can draw."""

    def __init__(self, pdf: Any, family: str, *, is_korean: bool) -> None:
        self._pdf, self._family, self._is_korean = pdf, family, is_korean

    def both(self, wording: Wording, between: str = " / ") -> str:
        return f"{wording.en}{between}{wording.ko}" if self._is_korean else wording.en

    def write(self, text: str, size: float) -> None:
        if not self._is_korean:
            text = text.encode("latin-1", "replace").decode("latin-1")
        self._pdf.set_font(self._family, size=size)
        self._pdf.multi_cell(0, size * 0.55, text, align="L", new_x="LMARGIN", new_y="NEXT")
        self._pdf.ln(1)


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
    if statement.is_suppressed:
        kept_out = "a keyed hash keeps the person from coming back by a replay, a backfill or a restored backup"
        head.append((Wording("Suppression", "재유입 차단"), kept_out))
    return head


def _draw_store(page: _Page, store: CertifiedStore) -> None:
    page.write("", 3)
    page.write(f"{store.store}: {page.both(_DONE[store.outcome])} {store.reason}".rstrip(), 11)
    if store.counts:
        counts = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in sorted(store.counts.items()))
        page.write(counts, 9)
    if store.checked:
        listed = json.dumps([part.model_dump() for part in store.checked], ensure_ascii=False, sort_keys=True)
        digest = sha256(listed.encode()).hexdigest()
        label = page.both(Wording("parts decoded and searched", "복호화·해독하여 검색한 부분"))
        page.write(f"{label}: {len(store.checked):,} (SHA-256 {digest[:32]}…)", 9)
    for kept in store.retained:
        label = page.both(Wording("kept by law", "법률에 따라 보관"))
        fields = ", ".join(kept.fields)
        page.write(f"{label}: {kept.part}, {kept.rows:,} rows, {fields}; {kept.article}; until {kept.until}", 9)
    for sentence in store.remaining:
        page.write(f"- {sentence}", 9)
