from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from installation.contract.document import load_contracts
from pipelines.contracts.check import check_contracts
from pipelines.contracts.data_map import describe_purposes, render_faults, render_overview, render_table, summarise
from privacy.catalog import Catalog, build_catalog, read_catalog

EXAMPLE = Path(__file__).parent / "example"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return read_catalog([EXAMPLE])


def draw(renderable: object, width: int = 80) -> str:
    console = Console(width=width, record=True, file=None, quiet=False, force_terminal=False)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


def test_a_table_shows_its_columns_with_category_and_identifier_role_and_purposes_by_letter(catalog: Catalog) -> None:
    drawn = draw(render_table(catalog, "bronze/member"))
    lines = [line.split() for line in drawn.splitlines()]
    assert ["bronze/member"] in lines
    assert ["retention", "731", "d"] in [line[:3] for line in lines]
    first = next(line for line in lines if "member_no" in line)
    assert first[:4] == ["member_no", "*", "pd:UID", "direct"]
    explained = next(line for line in lines if line[:2] == ["purposes", first[4]])
    assert "service_delivery" in " ".join(explained)
    for entry in catalog.columns("bronze/member"):
        letter = next(line for line in lines if line and line[0] == entry.column)[-1]
        start = drawn.index(f"purposes {letter} ")
        assert describe_purposes(entry).split(",")[0] in " ".join(drawn[start:].split())
    assert "bronze/store" not in drawn


def test_the_overview_has_one_line_a_table_of_at_most_80_characters() -> None:
    whole = build_catalog(load_contracts().values())
    lines = draw(render_overview(whole)).splitlines()
    assert [line.split()[0] for line in lines[2:]] == list(whole.tables)
    assert max(map(len, lines)) <= 80
    figures = next(line for line in lines if "bronze/crm_customer" in line).split()[1:]
    counts = dict(zip(lines[1].split()[1:], figures, strict=False))
    assert (counts["Columns"], counts["Direct"]) == (
        str(len(whole.columns("bronze/crm_customer"))),
        str(len(whole.columns_of_role("direct", "bronze/crm_customer"))),
    )


@pytest.mark.parametrize("width", [80, 120])
def test_every_built_in_table_fits_the_terminal(width: int) -> None:
    whole = build_catalog(load_contracts().values())
    for table in whole.tables:
        lines = draw(render_table(whole, table), width).splitlines()
        assert max(map(len, lines)) <= width
        words = {word for line in lines for word in line.split()}
        assert {entry.column for entry in whole.columns(table)} <= words, table


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
    assert draw(render_faults(faults), 240).strip() == str(faults[0])
