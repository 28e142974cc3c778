"""What the simulator writes for the shopping agent."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from pathlib import Path

import pytest

from agent_serving.search.content_file import content_files, read_content
from agent_serving.search.document import EVERY_BRANCH, Document, Kind
from agent_serving.search.engine import Filters
from agent_serving.search.index_field import conditions, exact_fields, is_met
from pipelines.places.extraction import LabelExtractor
from pipelines.places.nearby import Branch, check
from pipelines.places.page import FilePages
from pipelines.simulate.content import write_content
from pipelines.simulate.export_cutoff import LAST_DAY
from pipelines.simulate.random_stream import Streams


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("market")
    rows = write_content(root, Streams(1, 0).generator("content"))
    assert set(rows) == {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    return root


@pytest.fixture(scope="module")
def documents(root: Path) -> list[Document]:
    files = content_files(root / "content")
    return [one for source, path in files.items() for one in read_content(path.read_bytes(), source)]


def test_every_kind_but_places_is_there_for_every_branch_with_an_id_of_its_own(documents: list[Document]) -> None:
    kinds = defaultdict(set)
    for document in documents:
        kinds[document.branch].add(document.kind)
    chain = kinds.pop(EVERY_BRANCH)
    assert chain == {Kind.PROMOTION, Kind.COUPON, Kind.FAQ}
    own = set(Kind) - {Kind.COUPON, Kind.FAQ, Kind.PLACE}
    assert len(kinds) == 6
    assert all(found == own for found in kinds.values())
    assert len({document.id for document in documents}) == len(documents)


def test_products_and_shops_are_on_a_floor_of_their_branch(documents: list[Document]) -> None:
    floors = {(one.branch, one.facts["floor"]) for one in documents if one.kind is Kind.FLOOR}
    placed = [one for one in documents if one.kind in (Kind.PRODUCT, Kind.STORE)]
    assert all((one.branch, one.facts["floor"]) in floors for one in placed)
    assert all(one.kind is Kind.STORE or int(one.facts["price_won"]) >= 100 for one in placed)


def test_some_offers_are_valid_on_the_last_day_and_some_are_not(documents: list[Document]) -> None:
    offers = [one for one in documents if one.kind in (Kind.EVENT, Kind.PROMOTION, Kind.COUPON)]
    today = conditions((), "gangnam", Filters(on=LAST_DAY))
    valid = [one for one in offers if is_met(today, exact_fields(one))]
    own = [one for one in offers if one.branch in ("gangnam", EVERY_BRANCH)]
    assert 5 < len(valid) < len(own)
    assert all(date.fromisoformat(str(one.facts["valid_until"])) >= LAST_DAY for one in valid)


def test_no_telephone_can_belong_to_anybody(documents: list[Document]) -> None:
    phones = {str(one.facts["phone"]) for one in documents if "phone" in one.facts}
    assert len(phones) > 100
    assert all(phone.split("-")[1].startswith("0") for phone in phones)


def test_the_pages_about_places_support_three_kinds_of_claims(root: Path) -> None:
    branch = Branch(code="gangnam", name="강남점", address="")
    pages = check({"gangnam": FilePages(root / "place_page").collect(branch)}, LabelExtractor())["gangnam"]
    assert {"name", "address", "hours"} <= {claim.field for one in pages for claim in one.claims}
    assert not any(one.dropped for one in pages)
