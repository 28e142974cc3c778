"""What every engine finds, and what a search sees while documents are replaced."""

from __future__ import annotations

import shutil
import sys
import threading
from datetime import date
from pathlib import Path
from random import Random

import pytest

from agent_serving.search import index_field, tantivy_engine
from agent_serving.search.document import EVERY_BRANCH, Document, Kind
from agent_serving.search.engine import Change, Filters, SearchIndex
from agent_serving.search.errors import SearchUnavailable
from agent_serving.search.index_field import conditions, exact_fields, is_met
from agent_serving.search.tantivy_engine import FORMAT, TantivyIndex
from tests.agent_serving.search.conftest import Make
from tests.agent_serving.search.opensearch_double import OpenSearchDouble


@pytest.fixture
def shop(index: SearchIndex, make: Make) -> SearchIndex:
    """Return an index of products with names that are easily confused."""
    titles = (
        "애플 에어팟 프로",
        "방콕식당 팟타이",
        "에어컨 리모컨",
        "슈피겐 아이폰 케이스",
        "사과 5kg",
        "회사 과장님 컵",
    )
    keywords = {"애플 에어팟 프로": ("airpods", "무선 이어폰")}
    index.write([Change("a", "1", [make(title, keywords=keywords.get(title, ())) for title in titles])])
    return index


def found(index: SearchIndex, query: str, branch: str | None = "gangnam") -> list[str]:
    return [document.title for document in index.search(query, branch=branch)]


ANSWERS = {
    "에어팟": ["애플 에어팟 프로"], "에어 팟": ["애플 에어팟 프로"],
    "에어팟이 어디 있어?": ["애플 에어팟 프로"], "airpods": ["애플 에어팟 프로"],
    "무선이어폰": ["애플 에어팟 프로"], "팟": [], "팟타이": ["방콕식당 팟타이"],
    "아이폰케이스": ["슈피겐 아이폰 케이스"], "아이폰 케이스": ["슈피겐 아이폰 케이스"],
    "아이폰케잇": ["슈피겐 아이폰 케이스"], "케이스 나침반": ["슈피겐 아이폰 케이스"],
    "사과": ["사과 5kg"], "나침반": [], "🙂": [],
}  # fmt: skip


def test_a_query_finds_the_written_form_and_no_other(shop: SearchIndex) -> None:
    assert {query: found(shop, query) for query in ANSWERS} == ANSWERS


def test_an_engine_that_wants_only_some_pairs_of_a_short_word_would_confuse_names(
    shop: SearchIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(shop, "에어밤") == []
    monkeypatch.setattr(index_field, "_LEAST_LOOSE", 1)
    monkeypatch.setattr(index_field, "_most", lambda _: 1)
    assert "에어컨 리모컨" in found(shop, "에어밤")


@pytest.mark.parametrize(
    "query", ["\ud800 에어팟", "에어팟\0", "에어팟 " * 100_000, '"에어팟" AND (title:*', "에어팟" * 9]
)
def test_odd_text_is_searched_like_any_other(shop: SearchIndex, query: str) -> None:
    assert set(found(shop, query)) <= {"애플 에어팟 프로"}


def test_odd_conditions_find_nothing_and_break_nothing(shop: SearchIndex) -> None:
    for filters in (Filters(brand="\ud800"), Filters(price_max=-5), Filters(price_min=2**70), Filters(diet="")):
        assert shop.search("에어팟", branch="gangnam", filters=filters) == []
    assert shop.search("에어팟", branch="\ud800") == shop.search("에어팟", branch="gangnam", limit=0) == []
    assert shop.get(["\ud800"]) == []


def test_only_documents_of_the_branch_and_of_every_branch_are_found(index: SearchIndex, make: Make) -> None:
    places = ("gangnam", "main", EVERY_BRANCH)
    index.write([Change("a", "1", [make(f"쿠폰 {place}", branch=place, kind=Kind.COUPON) for place in places])])
    assert sorted(found(index, "쿠폰")) == ["쿠폰 *", "쿠폰 gangnam"]
    assert found(index, "쿠폰", branch=None) == found(index, "쿠폰", branch="nowhere") == ["쿠폰 *"]
    assert found(index, "", branch="main") == ["쿠폰 *", "쿠폰 main"]


def test_without_the_condition_of_the_branch_documents_of_others_would_be_found(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = TantivyIndex(tmp_path)
    index.write([Change("a", "1", [make("쿠폰", branch=place) for place in ("gangnam", "main")])])
    assert len(found(index, "쿠폰")) == 1
    monkeypatch.setattr(tantivy_engine, "conditions", lambda *asked: conditions(*asked)[1:])
    assert len(found(index, "쿠폰")) == 2


def test_conditions_hold_for_what_is_found_and_for_nothing_else(index: SearchIndex) -> None:
    draw = Random(7)
    documents = [_drawn(draw, number) for number in range(300)]
    index.write([Change("a", "1", documents)])
    for _ in range(60):
        filters, kinds, branch = _drawn_filters(draw), draw.sample(list(Kind)[:3], draw.randrange(3)), draw.choice("ab")
        wanted = conditions(kinds, branch, filters)
        expected = {one.id for one in documents if is_met(wanted, exact_fields(one))}
        assert {one.id for one in index.search("", kinds, branch, 1000, filters)} == expected
        assert {one.id for one in index.search("상품", kinds, branch, 1000, filters)} == expected


def _drawn(draw: Random, number: int) -> Document:
    facts: dict[str, str | int] = {}
    if draw.random() < 0.8:
        facts |= {"price_won": draw.randrange(1, 50), "brand": draw.choice(["A b", "c"]), "floor": "B1, 1F"}
    if draw.random() < 0.7:
        facts["allergens"] = draw.choice(["none", "milk", "milk,egg", "soy"])
        facts["diets"] = draw.choice(["vegan", "halal,vegan"])
    if draw.random() < 0.5:
        facts["valid_from"], facts["valid_until"] = (
            f"2017-12-{draw.randrange(10, 20)}",
            f"2017-12-{draw.randrange(20, 32)}",
        )
    branch = draw.choice(["a", "b", EVERY_BRANCH])
    return Document(f"d{number}", draw.choice(list(Kind)[:3]), branch, f"상품 {number}", facts=facts)


def _drawn_filters(draw: Random) -> Filters:
    return Filters(
        brand=draw.choice([None, None, "a B", "c"]), floor=draw.choice([None, None, "1f", "9F"]),
        price_min=draw.choice([None, 10]), price_max=draw.choice([None, 30]),
        free_of=draw.choice([frozenset(), frozenset({"milk"}), frozenset({"egg", "soy"})]),
        diet=draw.choice([None, None, "halal"]), on=draw.choice([None, date(2017, 12, draw.randrange(8, 32))]),
    )  # fmt: skip


def test_a_product_that_states_no_allergens_is_left_out_when_one_must_be_avoided(
    index: SearchIndex, make: Make
) -> None:
    index.write(
        [
            Change(
                "a", "1", [make("과자 미상"), make("과자 없음", allergens="none"), make("과자 우유", allergens="milk")]
            )
        ]
    )
    assert [
        one.title for one in index.search("과자", branch="gangnam", filters=Filters(free_of=frozenset({"milk"})))
    ] == ["과자 없음"]


def test_what_a_diet_permits_is_found_for_every_wider_diet(index: SearchIndex, make: Make) -> None:
    index.write([Change("a", "1", [make("두부", diets="vegan"), make("치즈", diets="vegetarian"), make("연어")])])

    def fits(diet: str) -> list[str]:
        return [one.title for one in index.search("", branch="gangnam", filters=Filters(diet=diet))]

    assert [fits(diet) for diet in ("vegan", "vegetarian", "pescatarian", "halal")] == [
        ["두부"], ["두부", "치즈"], ["두부", "치즈"], [],
    ]  # fmt: skip


def test_a_new_version_replaces_all_documents_of_its_source_and_no_others(index: SearchIndex, make: Make) -> None:
    index.write([Change("a", "1", [make("빵 하나"), make("빵 둘")]), Change("b", "1", [make("빵 셋")])])
    index.write([Change("a", "2", [make("빵 넷")])])
    assert sorted(found(index, "빵")) == ["빵 넷", "빵 셋"]
    assert index.versions() == {"a": "2", "b": "1"}
    index.write([Change("a", None)])
    assert (found(index, "빵"), index.versions()) == (["빵 셋"], {"b": "1"})


def test_documents_are_returned_in_the_order_of_their_ids_without_unknown_ones(shop: SearchIndex) -> None:
    ids = [document.id for document in shop.search("", branch="gangnam")]
    assert [one.id for one in shop.get([*reversed(ids), "unknown"])] == ids[::-1]
    assert shop.get([]) == []


@pytest.mark.parametrize("commits", [1, 2])
def test_a_search_during_replacements_sees_one_whole_version(tmp_path: Path, make: Make, commits: int) -> None:
    """With two commits, the negative control, a search also sees none."""
    index, reader = TantivyIndex(tmp_path), TantivyIndex(tmp_path)
    seen: set[frozenset[str]] = set()
    ended = threading.Event()

    def read_once() -> None:
        seen.add(frozenset(document.text for document in reader.search("빵", branch="gangnam", limit=100)))

    def read() -> None:
        while not ended.is_set():
            read_once()

    def write(version: int) -> None:
        if commits == 2 and version:
            index.write([Change("a", None)])
            read_once()
        index.write([Change("a", str(version), [make(f"빵 {n}", text=f"v{version}") for n in range(40)])])

    write(0)
    thread = threading.Thread(target=read)
    thread.start()
    for version in range(1, 12):
        write(version)
    ended.set()
    thread.join()
    assert len(seen) > 1
    assert all(len(versions) == 1 for versions in seen) is (commits == 1)


def test_a_writer_that_was_killed_before_its_commit_does_not_block_the_next(tmp_path: Path, make: Make) -> None:
    index, folder, former = TantivyIndex(tmp_path / "a"), tmp_path / "a" / FORMAT, tmp_path / "former"
    index.write([Change(source, "1", [make("빵", branch=source), make("떡", branch=source)]) for source in ("x", "y")])
    shutil.copytree(folder, former)
    index.write([Change("x", None)])
    # The files of the second write are there, and the list of segments is that of the first.
    assert any(path.suffix == ".del" for path in folder.iterdir())
    managed = (folder / ".managed.json").read_bytes()
    shutil.copytree(former, folder, dirs_exist_ok=True)
    (folder / ".managed.json").write_bytes(managed)
    again = TantivyIndex(tmp_path / "a")
    assert found(again, "빵", branch="x") == ["빵"]
    again.write([Change("x", None)])
    assert (found(again, "빵", branch="x"), found(again, "빵", branch="y")) == ([], ["빵"])


def test_a_failed_write_leaves_the_former_version(shop: SearchIndex, make: Make, double: OpenSearchDouble) -> None:
    broken = Document("x", Kind.PRODUCT, "gangnam", "에어팟 새것", facts={"valid_from": "no day"})
    with pytest.raises((SearchUnavailable, ValueError)):
        shop.write([Change("a", "2", [make("에어팟 먼저"), broken])])
    assert found(shop, "에어팟") == ["애플 에어팟 프로"]
    assert shop.versions() == {"a": "1"}


class TestOpenSearch:
    @pytest.fixture
    def index(self, double: OpenSearchDouble) -> SearchIndex:
        from agent_serving.search.opensearch_engine import OpenSearchIndex

        return OpenSearchIndex(double.client(), "bench")

    @pytest.mark.parametrize("step", ["_bulk", "_refresh", "_delete_by_query"])
    def test_a_writer_that_dies_at_any_step_leaves_one_whole_version(
        self, index: SearchIndex, double: OpenSearchDouble, make: Make, step: str
    ) -> None:
        index.write([Change("a", "1", [make("빵 하나"), make("빵 둘")])])
        double.fail_on = step
        with pytest.raises(SearchUnavailable):
            index.write([Change("a", "2", [make("빵 셋"), make("빵 넷")])])
        double.fail_on = None
        double.visible = dict(double.stored)
        assert sorted(found(index, "빵")) in (["빵 둘", "빵 하나"], ["빵 넷", "빵 셋"])
        index.write([Change("a", "3", [make("빵 다섯")])])
        assert found(index, "빵") == ["빵 다섯"]
        assert {row["title_word"] for key, row in double.stored.items() if key != "_state"} == {"빵 다섯"}

    def test_a_search_that_meets_a_swap_is_repeated(
        self, index: SearchIndex, double: OpenSearchDouble, make: Make
    ) -> None:
        index.write([Change("a", "1", [make("빵 하나")])])

        def swap() -> None:
            double.on_search.clear()
            index.write([Change("a", "2", [make("빵 둘")])])

        double.on_search.append(swap)
        assert found(index, "빵") == ["빵 둘"]

    def test_an_unreachable_server_is_an_error_that_names_it(
        self, index: SearchIndex, double: OpenSearchDouble
    ) -> None:
        double.fail_on = "_search"
        with pytest.raises(SearchUnavailable, match="answered 503"):
            index.search("빵")


def test_a_folder_that_cannot_be_used_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "search").write_text("a file")
    with pytest.raises(SearchUnavailable, match="search"):
        TantivyIndex(tmp_path / "search")


def test_without_the_package_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tantivy", None)
    with pytest.raises(SearchUnavailable, match="pip install tantivy"):
        TantivyIndex(tmp_path)


def test_a_damaged_index_is_an_error(tmp_path: Path) -> None:
    TantivyIndex(tmp_path).write([Change("a", "1", [])])
    (tmp_path / FORMAT / "meta.json").write_text("{")
    with pytest.raises(SearchUnavailable, match="cannot be opened"):
        TantivyIndex(tmp_path)
