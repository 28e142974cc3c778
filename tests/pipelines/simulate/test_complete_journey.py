"""The Complete Journey is landed unchanged, or limited to some households with an offset on its ids."""

from pathlib import Path

import pandas as pd
import pytest

from pipelines.simulate.complete_journey import land_journey
from pipelines.simulate.market import load_market, package_file


@pytest.mark.slow
def test_files_of_the_first_replica_equal_those_of_the_package(tmp_path: Path) -> None:
    rows = land_journey(tmp_path, load_market(), 0, is_cut=False)
    assert len(rows) == 8
    for path in tmp_path.rglob("*.parquet"):
        assert path.read_bytes() == package_file(path.stem.removesuffix("-000")).read_bytes()
    assert rows["landing/cj_promotions/promotions-000.parquet"] == 20_940_529


def test_a_limited_replica_keeps_all_transactions_of_its_households(tmp_path: Path) -> None:
    market = load_market(30)
    land_journey(tmp_path, market, 2, is_cut=True)
    landed = pd.read_parquet(tmp_path / "cj_transactions")
    whole = pd.read_parquet(package_file("transactions"))
    expected = whole[whole["household_id"].isin(market.household_id)].reset_index(drop=True)
    for name, offset in (("household_id", 2 * 10**6), ("store_id", 2 * 10**6), ("basket_id", 2 * 10**12)):
        expected[name] += offset
    pd.testing.assert_frame_equal(landed, expected)
    assert not (tmp_path / "cj_products").exists()
