import xml.etree.ElementTree as ET

import pytest

from installation.lakehouse.table_profile import TableProfile
from pipelines.plot import HEIGHT, MOST_BARS, draw_intervals, draw_profile


def _profile(**figures: object) -> TableProfile:
    return TableProfile(version=0, rows=10, files=1, size_bytes=100, **figures)  # type: ignore[arg-type]


def _heights(svg: str) -> list[float]:
    path = ET.fromstring(svg).find("{http://www.w3.org/2000/svg}path")
    assert path is not None
    return [float(bar.split("v-")[1]) for bar in path.attrib["d"].split("M")[1:]]


def test_fullest_day_is_as_high_as_the_plot() -> None:
    svg = draw_profile(_profile(rows_by_day={"2017-01-01": 5, "2017-01-02": 10, "2017-01-03": 0}))
    assert svg is not None
    assert _heights(svg) == [HEIGHT / 2, HEIGHT, 0]
    assert "2017-01-01 to 2017-01-03" in svg


def test_filled_columns_are_drawn_where_there_are_no_days() -> None:
    svg = draw_profile(_profile(filled={"a": 1.0, "b": 0.25}))
    assert svg is not None
    assert _heights(svg) == [HEIGHT, HEIGHT / 4]


@pytest.mark.parametrize("days", [1, MOST_BARS, MOST_BARS + 1, 365, 4000])
def test_a_long_history_stays_small_enough_to_be_shown_in_place(days: int) -> None:
    svg = draw_profile(_profile(rows_by_day={f"{2000 + day // 365}-{day}": 7 for day in range(days)}))
    assert svg is not None
    assert len(_heights(svg)) <= MOST_BARS
    assert len(svg) < 740  # in base64 below the 1,000 characters up to which Dagster shows it


def test_nothing_to_draw() -> None:
    assert draw_profile(_profile()) is None


def test_intervals_stand_on_their_bars_and_nothing_is_drawn_below_zero() -> None:
    drawing = draw_intervals([10.0, -5.0], [2.0, 1.0], "two groups")
    assert drawing.count("<path") == 2
    assert "M75 20V0M225 60V60" in drawing
    assert draw_intervals([], [], "none").count("<path") == 1
