"""The Complete Journey is landed unchanged, or limited to some households with an offset on its ids."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.simulate.complete_journey import land_journey
from pipelines.simulate.market import PACKAGE_ZONE, STORE_ZONE, load_market, package_file, to_wall_time
from tests.pipelines.simulate.landed import SOURCES


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


@pytest.fixture(scope="module")
def lines() -> pd.DataFrame:
    return pd.read_parquet(package_file("transactions"), columns=["basket_id", "transaction_timestamp", "week"])


def test_the_zones_of_the_simulator_are_those_of_the_contract() -> None:
    form = SOURCES["cj_transactions"].file
    assert (form.time_zone, form.shop_time_zone) == (PACKAGE_ZONE, STORE_ZONE)


def test_each_week_of_the_package_begins_at_midnight_in_the_zone_of_the_stores(lines: pd.DataFrame) -> None:
    """The package numbers its weeks from Monday. Read as wall time, its times contradict the numbers."""
    wall = pd.Series(to_wall_time(lines["transaction_timestamp"].to_numpy()))
    contradicted = [
        ((at.dt.dayofyear + 5) // 7 + 1 != lines["week"]).sum() for at in (wall, lines["transaction_timestamp"])
    ]
    assert contradicted == [0, 34_729]


def test_all_orders_lie_in_2017_and_most_of_them_in_shop_hours(lines: pd.DataFrame) -> None:
    at = lines.drop_duplicates("basket_id")["transaction_timestamp"]
    wall = pd.Series(to_wall_time(at.to_numpy()))
    assert (wall.min(), wall.max()) == (pd.Timestamp("2017-01-01 06:53:26"), pd.Timestamp("2017-12-31 23:01:20"))
    late = [times.dt.hour.isin([20, 21, 22, 23, 0]).mean() for times in (wall, at)]
    assert late[0] < 0.17
    assert late[1] > 0.43  # the package's own times put the evening peak into the night
    assert (at.dt.year == 2018).sum() == 86


def test_the_wall_time_is_ambiguous_only_in_the_hour_that_summer_time_repeats() -> None:
    twice = np.array(["2017-11-05T05:30:00", "2017-11-05T06:30:00"], dtype="datetime64[s]")
    assert list(to_wall_time(twice)) == [np.datetime64("2017-11-05T01:30:00")] * 2
    spring = np.array(["2017-03-12T06:59:59", "2017-03-12T07:00:00"], dtype="datetime64[s]")
    assert list(to_wall_time(spring)) == [np.datetime64("2017-03-12T01:59:59"), np.datetime64("2017-03-12T03:00:00")]
