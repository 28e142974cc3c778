"""From pages about places to content files: every published claim stands on a page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from agent_serving.search.content_file import read_content
from installation.settings import Settings, load_settings
from pipelines.places import extraction
from pipelines.places.claim import MAX_TRIES, Claim, fault_of
from pipelines.places.extraction import LabelExtractor, ModelExtractor, check_page
from pipelines.places.nearby import branches, check, collect, publish
from pipelines.places.page import FilePages, Page, PlaceError

TEXT = "이름: 센트럴약국\n주소: 서초구 1\n영업시간: 09:00-22:00\n전화: 02-0732-1003\n안내: 주차 10대"
TODAY = date(2017, 12, 31)


def page(text: str = TEXT, url: str = "https://a.example/1", day: str = "2017-12-01") -> Page:
    return Page(url=url, title="약국", text=text, published_on=date.fromisoformat(day))


def quoted(**values: str) -> dict[str, Any]:
    """Return a place whose values are quoted as the labelled lines of TEXT would state them."""
    lines = {"name": "이름", "address": "주소", "hours": "영업시간", "phone": "전화"}
    return {field: {"value": value, "quote": f"{lines[field]}: {value}"} for field, value in values.items()}


class Scripted:
    """An extractor with one answer a try; notes the faults that it was told."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.told = answers, list[Sequence[str]]()

    def extract(self, page: Page, faults: Sequence[str]) -> Any:
        self.told.append(tuple(faults))
        return self.answers[min(len(self.told), len(self.answers)) - 1]


@pytest.mark.parametrize(
    ("field", "value", "quote", "fault"),
    [
        ("hours", "09:00-22:00", "영업시간: 09:00-22:00", None),
        ("hours", "09:00-22:00", "영업시간 :09:00-22:00", None),
        ("hours", "09:00-23:00", "영업시간: 09:00-22:00", "not in the quote"),
        ("hours", "09:00-23:00", "영업시간: 09:00-23:00", "not on the page"),
        ("hours", "09:00", "영업시간: 09:00-22:00", "another form"),
        ("phone", "02-0732-100", "전화: 02-0732-1003", "not in the quote"),
        ("note", "주차 1", "안내: 주차 10대", "not in the quote"),
        ("note", "주차 10", "안내: 주차 10대", None),
        ("note", "", "안내", "empty"),
        ("note", "주차", "", "not on the page"),
    ],
)
def test_a_claim_stands_in_its_quote_and_the_quote_on_the_page(
    field: str, value: str, quote: str, fault: str | None
) -> None:
    found = fault_of(Claim("센트럴약국", field, value, quote), TEXT)
    assert (found is None) if fault is None else (fault in str(found))


def test_an_unsupported_claim_is_asked_for_again_three_times_and_then_left_out() -> None:
    liar = Scripted({"places": [quoted(name="센트럴약국", hours="09:00-24:00", address="서초구 1")]})
    found = check_page(page(), liar)
    assert found.tries == len(liar.told) == MAX_TRIES
    assert {claim.field for claim in found.claims} == {"name", "address"}
    assert "not on the page" in found.dropped[0]
    assert liar.told[0] == ()
    assert liar.told[1] == found.dropped


def test_a_corrected_claim_is_kept_and_ends_the_tries() -> None:
    wrong, right = ({"places": [quoted(name="센트럴약국", hours=hours)]} for hours in ("1", "09:00-22:00"))
    found = check_page(page(), Scripted(None, wrong, right))
    assert (found.tries, found.dropped) == (3, ())
    assert [claim.value for claim in found.claims] == ["센트럴약국", "09:00-22:00"]


def test_a_place_that_the_page_does_not_name_has_no_claims() -> None:
    invented = quoted(name="없는약국", address="서초구 1")
    assert check_page(page(), Scripted({"places": [invented]})).claims == ()


@pytest.mark.parametrize("answer", [None, 3, {}, {"places": [{}]}, {"places": "x"}, {"places": [{"name": "약국"}]}])
def test_an_answer_against_the_schema_has_no_claims(answer: Any) -> None:
    found = check_page(page(), Scripted(answer))
    assert (found.claims, found.tries, bool(found.dropped)) == ((), MAX_TRIES, True)


@pytest.mark.parametrize("is_checked", [True, False])
def test_nothing_that_an_extractor_invents_is_published(is_checked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = Random(5)
    stated = {"name": "센트럴약국", "address": "서초구 1", "hours": "09:00-22:00", "phone": "02-0732-1003"}
    invented = {"address": "강남구 9", "hours": "00:00-24:00", "phone": "02-0999-9999"}
    if not is_checked:  # negative control
        monkeypatch.setattr(extraction, "checked", lambda claims, text: (claims, []))
    lies = 0
    for _ in range(300):
        lying = {field: value for field, value in invented.items() if draw.random() < 0.5}
        answer = {"places": [quoted(**stated | lying)]}
        lies += sum(claim.value not in TEXT for claim in check_page(page(), Scripted(answer)).claims)
    assert (lies == 0) is is_checked


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = load_settings(data_dir=tmp_path)
    (found.content_dir / "gangnam").mkdir(parents=True)
    branch = {"id": "b", "kind": "branch", "branch": "gangnam", "title": "강남점", "facts": {"address": "서초구"}}
    (found.content_dir / "gangnam/branch.jsonl").write_text(json.dumps(branch) + "\n")
    found.place_page_dir.mkdir()
    return found


def run(settings: Settings, *pages: Page) -> list[Any]:
    text = "".join(f"{one.model_dump_json()}\n" for one in pages)
    (settings.place_page_dir / "gangnam.jsonl").write_text(text)
    found = branches(settings)
    return publish(settings, found, check(collect(found, FilePages(settings.place_page_dir)), LabelExtractor()), TODAY)


def published(settings: Settings) -> list[dict[str, Any]]:
    path = settings.content_dir / "gangnam/place.jsonl"
    return [dict(one.facts) for one in read_content(path.read_bytes(), "gangnam/place.jsonl")]


def test_most_pages_decide_and_then_the_newest(settings: Settings) -> None:
    def says(hours: str, day: str, number: int) -> Page:
        return page(f"이름: 센트럴 약국\n영업시간: {hours}", f"https://a.example/{number}", day)

    run(settings, says("09:00-22:00", "2016-01-01", 1), says("10:00-20:00", "2017-01-01", 2))
    (place,) = published(settings)
    assert (place["hours"], place["sources"]) == ("10:00-20:00", 2)
    run(
        settings, says("09:00-22:00", "2016-01-01", 1), says("10:00-20:00", "2017-01-01", 2),
        says("09:00-22:00", "2015-01-01", 3), page("이름: 센트럴약국\n주소: 서초구 1", "https://a.example/4"),
    )  # fmt: skip
    (place,) = published(settings)
    assert (place["hours"], place["address"], place["sources"]) == ("09:00-22:00", "서초구 1", 4)
    assert (place["near"], place["checked_on"]) == ("강남점", "2017-12-31")


def test_the_former_places_stay_when_nothing_is_found(settings: Settings) -> None:
    run(settings, page())
    former = published(settings)
    (report,) = run(settings)
    assert (report.is_kept, report.places, published(settings)) == (True, 0, former)


def test_a_broken_page_file_is_an_error_that_names_the_line(settings: Settings) -> None:
    (settings.place_page_dir / "gangnam.jsonl").write_text(f"{page().model_dump_json()}\n{{}}\n")
    with pytest.raises(PlaceError, match=r"gangnam\.jsonl, line 2"):
        collect(branches(settings), FilePages(settings.place_page_dir))


def test_a_model_is_asked_by_the_schema_and_its_reasoning_is_cut_off() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content))
        content = "<think>약국?</think>" + json.dumps({"places": [quoted(name="센트럴약국")]})
        return httpx.Response(200, json={"choices": [{"message": {"content": content}}]})

    client = httpx.Client(transport=httpx.MockTransport(answer))
    found = check_page(page(), ModelExtractor("http://gpu.example/v1", "7b", client))
    assert [claim.value for claim in found.claims] == ["센트럴약국"]
    assert asked[0]["response_format"]["json_schema"]["schema"] == extraction.SCHEMA
    refusing = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(503)))
    with pytest.raises(PlaceError, match=r"gpu\.example"):
        check_page(page(), ModelExtractor("http://gpu.example/v1", "7b", refusing))
