"""Which files are documents, and what the message about another file says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent_serving.search.content_file import MAX_CHUNK, read_content
from agent_serving.search.document import Kind
from agent_serving.search.errors import ContentError

ROW = {"id": "product:1", "kind": "product", "branch": "gangnam", "title": "우유", "facts": {"price_won": 2500}}
ANSWER = "---\nkind: faq\nbranch: '*'\n---\n\n## 환불은요?\n14일 안에 됩니다.\n<!-- refund 반품 -->\n"


def lines(*rows: Any) -> bytes:
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows).encode()


def test_a_line_is_a_document_and_blank_lines_are_none() -> None:
    (found,) = read_content(b"\xef\xbb\xbf" + lines(ROW) + b"\n", "a.jsonl")
    assert (found.id, found.kind, found.facts, found.keywords) == ("product:1", Kind.PRODUCT, {"price_won": 2500}, ())


def test_a_section_of_markdown_is_an_answer_with_its_keywords() -> None:
    (found,) = read_content(ANSWER.encode(), "every_branch/faq.md")
    assert (found.title, found.text, found.keywords) == ("환불은요?", "14일 안에 됩니다.", ("refund", "반품"))
    assert found.facts == {"name": "환불은요?", "answer": "14일 안에 됩니다."}


def test_a_long_section_is_cut_between_sentences_and_loses_nothing() -> None:
    text = " ".join(f"문장 {number}이 있습니다." for number in range(400))
    found = read_content(f"{ANSWER}\n## 긴 글\n{text}\n".encode(), "a.md")[1:]
    assert len(found) > 1
    assert all(len(one.text) <= MAX_CHUNK and one.text.endswith(".") for one in found)
    assert " ".join(one.text for one in found) == text
    assert len({one.id for one in found}) == len(found)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lines(ROW)[:-9], "line 1: not JSON"),
        (lines(ROW, ROW), "line 2: the id 'product:1' stands twice"),
        (lines(ROW | {"kind": "person"}), "line 1: kind"),
        (lines(ROW | {"colour": "red"}), "line 1: colour"),
        (lines(ROW | {"branch": "../x"}), "line 1: branch"),
        (lines(ROW | {"facts": {"price_won": 0}}), "price_won is 0"),
        (lines(ROW | {"facts": {"price_won": "1"}}), "price_won is '1'"),
        (lines(ROW | {"facts": {"valid_until": "soon"}}), "soon"),
        (lines(ROW | {"facts": {"deep": {"a": 1}}}), "line 1: facts"),
        (lines([]), "line 1: document"),
        (b'{"id": NaN}\n', "line 1: id"),
        (b"[" * 100_000, "not JSON"),
        (json.dumps(ROW | {"title": "\ud800"}).encode(), "line 1: title"),
        (b"\xff\xfe", "byte 0 is not UTF-8"),
    ],
)
def test_the_message_about_a_broken_file_names_file_and_place(content: bytes, message: str) -> None:
    with pytest.raises(ContentError, match=message) as raised:
        read_content(content, "main/product.jsonl")
    assert str(raised.value).startswith("main/product.jsonl")


@pytest.mark.parametrize(
    "text", ["## no header\n", "---\nkind: faq\n---\n", "---\n[\n---\n## a\nb", "---\nkind: x\n---\n"]
)
def test_markdown_without_a_usable_header_is_refused(text: str) -> None:
    with pytest.raises(ContentError, match=r"a\.md"):
        read_content(text.encode(), "a.md")
