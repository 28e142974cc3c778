from typing import Any

import pytest

from installation.lakehouse.table_profile import TableProfile
from pipelines.charts.chart import MOST_CHARACTERS, Chart, read_levels
from pipelines.charts.table_chart import BELOW, HEIGHT, LEFT, MOST_BARS, WIDTH, draw_intervals, draw_profile


def _profile(**figures: Any) -> TableProfile:
    return TableProfile(version=0, rows=10, files=1, size_bytes=100, **figures)


def _heights(chart: Chart, bars: int) -> list[int]:
    """Measure the bars in the picture: inked pixels left of each bar's middle, where no interval is drawn."""
    step = WIDTH / bars
    levels = bar_area(chart)
    return [int((levels[:, int((number + 0.5) * step - step / 6)] == 1).sum()) for number in range(bars)]


def bar_area(chart: Chart) -> Any:
    """Return the part of the picture that holds the bars, without the labels of the axes."""
    return read_levels(chart.png)[:-BELOW, LEFT:]


def test_the_fullest_day_is_as_high_as_the_chart_and_an_empty_day_has_no_bar() -> None:
    chart = draw_profile(_profile(rows_by_day={"2017-01-01": 5, "2017-01-02": 10, "2017-01-03": 0}))
    assert chart is not None
    assert _heights(chart, 3) == [HEIGHT / 2, HEIGHT, 0]
    assert "2017-01-01 to 2017-01-03" in chart.caption


def test_a_table_without_days_shows_its_filled_columns() -> None:
    chart = draw_profile(_profile(filled={"a": 1.0, "b": 0.25}))
    assert chart is not None
    assert _heights(chart, 2) == [HEIGHT, HEIGHT / 4]
    assert "2 columns" in chart.caption


def test_both_axes_say_what_they_are_and_carry_their_ends() -> None:
    """Negative control: a chart whose ends differ has other pixels beside its bars."""
    chart = draw_profile(_profile(filled={"name": 1.0, "email": 0.25}))
    other = draw_profile(_profile(filled={"name": 1.0, "phone": 0.25}))
    assert chart is not None
    assert other is not None
    assert chart.caption.startswith("Up: share of rows that have a value. Right: 2 columns")
    levels, others = read_levels(chart.png), read_levels(other.png)
    assert (levels[: HEIGHT // 3, :LEFT] == 1).any(), "the upper end of the vertical axis"
    assert (levels[HEIGHT // 2 :, :LEFT] == 1).any(), "its lower end"
    assert (bar_area(chart) == bar_area(other)).all()
    assert (levels[-BELOW:] != others[-BELOW:]).any(), "the last column is named"


@pytest.mark.parametrize("days", [1, MOST_BARS, MOST_BARS + 1, 365, 4000])
def test_a_long_history_stays_small_enough_to_be_shown_in_place(days: int) -> None:
    rows = {f"{2000 + day // 365}-{day}": 1 + day * day % 97 for day in range(days)}
    chart = draw_profile(_profile(rows_by_day=rows))
    assert chart is not None
    bottom = bar_area(chart)[-1] == 1
    bars = int((bottom[1:] & ~bottom[:-1]).sum()) + int(bottom[0])
    assert 1 <= bars <= MOST_BARS
    assert len(chart.to_markdown()) <= MOST_CHARACTERS


def test_an_empty_table_gets_no_chart() -> None:
    assert draw_profile(_profile()) is None


def test_intervals_are_drawn_on_their_bars_and_cut_off_at_zero() -> None:
    chart = draw_intervals([10.0, -5.0], [2.0, 1.0], "two groups")
    levels = bar_area(chart)
    first, second = levels[:, WIDTH // 4], levels[:, 3 * WIDTH // 4]
    # 10 ± 2 of at most 12 on 60 pixels: the interval covers the upper 20, the bar is 50 high.
    assert [int((first == level).sum()) for level in (2, 1)] == [20, 40]
    assert _heights(chart, 2) == [50, 0]
    assert not second.any()
    assert not read_levels(draw_intervals([], [], "none").png).any()
