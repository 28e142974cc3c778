from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from pipelines.contracts.check import check_contracts
from pipelines.contracts.data_map import describe_purposes, render_data_map, render_faults, summarise
from privacy.catalog import Catalog, read_catalog

EXAMPLE = Path(__file__).parent / "example"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return read_catalog([EXAMPLE])


def draw(renderable: object) -> str:
    console = Console(width=240, record=True, file=None, quiet=False, force_terminal=False)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


def test_the_data_map_shows_table_column_category_purpose_basis_and_retention(catalog: Catalog) -> None:
    drawn = draw(render_data_map(catalog, ["bronze/member"]))
    first = next(line for line in drawn.splitlines() if "member_no" in line)
    for text in ("bronze/member", "member_no *", "pd:UID", "direct", "contract: service_delivery", "731 d"):
        assert text in first
    assert "bronze/store" not in drawn


def test_purposes_are_grouped_by_legal_basis_except_for_non_personal_data(catalog: Catalog) -> None:
    entry = catalog.column("bronze/member", "name")
    expected = "contract: service_delivery; legal_duty: legal_records; consent: marketing, sensitive_research"
    assert describe_purposes(entry) == expected
    assert describe_purposes(catalog.column("bronze/store", "store_id")) == "service_delivery, analytics"


def test_the_summary_counts_tables_columns_and_identifiers(catalog: Catalog) -> None:
    expected = "3 tables, 11 columns: 8 personal, 2 direct identifiers, 1 sensitive; 2 tables about persons"
    assert summarise(catalog) == expected


def test_a_rendered_fault_is_its_text(tmp_path: Path) -> None:
    (tmp_path / "source_x.odcs.yaml").write_text("kind: [", "utf-8")
    faults = check_contracts([tmp_path]).faults
    assert draw(render_faults(faults)).strip() == str(faults[0])
