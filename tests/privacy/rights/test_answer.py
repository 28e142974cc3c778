"""The forms of an answer: what a reader and a machine get, and that hostile values stay values."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from privacy.rights.answer.archive import as_csv, as_json, csv_metadata, pack
from privacy.rights.answer.content import Answer, StoreNote
from privacy.rights.answer.html_page import render_html
from privacy.rights.answer.layout import file_of
from privacy.rights.answer.pdf_page import render_pdf
from privacy.rights.explanation import DecisionInput, ExplainedDecision
from privacy.rights.subject_store import ExportedField, ExportedTable
from privacy.rights.wording import Language, Wording

HOSTILE = "\"><script>alert('x')</script>\x00\u202e=cmd|' /C calc'!A0"
WORD = Wording("Membership", "회원 정보")
FIELDS = tuple(
    ExportedField(
        name, Wording(name.title(), f"항목 {name}"), ("marketing",), WORD, Wording("1 year", "1년"), kind, True, "m"
    )
    for name, kind in (("note", "string"), ("paid", "number"), ("on", "date"), ("flags", "string"))
)
ROWS = (
    {"note": HOSTILE, "paid": Decimal("1.50"), "on": date(2020, 1, 2), "flags": ["a", "b"]},
    {"note": "줄\n바꿈", "paid": None, "on": None, "flags": None},
)


class Names:
    def purpose(self, name: str) -> Wording:
        return Wording(f"purpose {name}", f"목적 {name}")

    def recipient(self, role: str) -> Wording:
        return Wording(f"role {role}", f"역할 {role}")


def answer(**changes: object) -> Answer:
    table = ExportedTable("bronze/member", WORD, FIELDS, ROWS, True, ("care",), 3, 1)
    derived = ExportedTable("gold/profile", Wording("Profile", "프로필"), FIELDS[:1], ROWS[:1])
    decision = ExplainedDecision(
        "recommendation",
        WORD,
        Wording("logic", "논리"),
        WORD,
        2,
        datetime(2020, 1, 1),
        (DecisionInput(WORD, "x"),),
        WORD,
    )
    whole = Answer(
        "q_1", datetime(2020, 1, 3), "Bojagi Mart", "KR", (table, derived), {"marketing": False}, (decision,),
        (StoreNote("audit", WORD),), ("Research Institute",), Names(),
    )  # fmt: skip
    return replace(whole, **changes)  # type: ignore[arg-type]


class Page(HTMLParser):
    """Collects the tags and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_page_shows_a_hostile_value_as_text_and_loads_nothing(language: Language) -> None:
    page = Page(render_html(answer(), language))
    assert "<script>alert('x')</script>" in page.text
    assert not {"script", "img", "link", "iframe", "form", "input"} & set(page.tags)
    assert page.tags.count("h1") == 1
    assert page.tags.count("caption") == page.tags.count("table")


def test_a_page_has_every_statement_that_the_law_demands() -> None:
    korean, english = Page(render_html(answer(), "ko")).text, Page(render_html(answer(jurisdiction="DE"), "en")).text
    for text in (
        "개인정보처리자",
        "목적 marketing",
        "수집 출처",
        "1년",
        "허용 안 함",
        "제35조 제4항",
        "118",
        "Research Institute",
        "역할 care",
    ):
        assert text in korean
    for text in (
        "Controller",
        "purpose marketing",
        "Source",
        "1 year",
        "article 77",
        "article 15(4)",
        "logic",
        "role care",
    ):
        assert text in english
    assert "article 77" not in Page(render_html(answer(), "en")).text


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_pdf_is_made_in_both_languages_with_hostile_values(language: Language) -> None:
    content = render_pdf(answer(), language)
    assert content.startswith(b"%PDF-")
    assert b"/JavaScript" not in content
    assert render_pdf(answer(tables=(), decisions=(), notes=()), language).startswith(b"%PDF-")


def test_csv_and_json_have_every_value_and_the_schema_every_field() -> None:
    whole = answer()
    rows = list(csv.DictReader(io.StringIO(as_csv(whole.tables[0]))))
    assert rows[0] == {"note": HOSTILE, "paid": "1.50", "on": "2020-01-02", "flags": '["a", "b"]'}
    assert as_json(whole)["tables"]["bronze/member"][1]["note"] == "줄\n바꿈"
    assert as_json(whole)["withheld"] == {"bronze/member": {"rows": 3, "values": 1}}
    for table, described in zip(whole.tables, csv_metadata(whole)["tables"], strict=True):
        assert described["url"] == file_of(table)
        for field, column in zip(table.fields, described["tableSchema"]["columns"], strict=True):
            assert column["titles"] == {"en": field.title.en, "ko": field.title.ko}
            assert column["bojagi:purpose"]["ko"] == ["목적 marketing"]
            assert column["bojagi:source"]["en"]
            assert column["bojagi:retention"]["ko"] == "1년"


def test_an_archive_has_the_answer_in_both_languages_and_a_file_for_each_table() -> None:
    with zipfile.ZipFile(io.BytesIO(pack(answer()))) as archive:
        assert archive.testzip() is None
        assert {f"answer_{language}.{form}" for language in ("en", "ko") for form in ("html", "pdf")} <= set(
            archive.namelist()
        )
        assert {"data/bronze_member.csv", "data/gold_profile.csv"} <= set(archive.namelist())
        assert json.loads(archive.read("data.json"))["request"] == "q_1"


def test_an_answer_to_take_along_has_provided_data_only_and_no_profile() -> None:
    portable = answer().portable()
    assert [table.name for table in portable.tables] == ["bronze/member"]
    mixed = replace(answer().tables[0], fields=(FIELDS[0], replace(FIELDS[1], is_provided=False)))
    (table,) = answer(tables=(mixed,)).portable().tables
    assert [set(row) for row in table.rows] == [{"note"}, {"note"}]
    assert "Profile" not in render_html(portable, "en")


def test_an_explanation_shows_the_decision_and_does_not_claim_that_nothing_is_held() -> None:
    page = Page(render_html(answer().explanation(answer().decisions), "en")).text
    assert "Automated decisions about you" in page
    assert "logic" in page
    assert "hold no data" not in page
    assert "We have no record of an automated decision" in Page(render_html(answer().explanation(()), "en")).text
