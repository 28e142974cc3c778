"""A recency is never negative, and stays unknown where the day is unknown."""

from datetime import date

from features.transform.measure import days_before
from pipelines.engine.session import Engine


def test_an_event_of_the_tolerated_next_day_counts_as_today_and_null_stays_null(engine: Engine) -> None:
    days = [(0, date(2017, 12, 1)), (1, date(2017, 12, 31)), (2, date(2018, 1, 1)), (3, None)]
    frame = engine.spark.createDataFrame(days, "row int, day date")
    found = frame.select("row", days_before(date(2017, 12, 31), frame["day"]).alias("days")).orderBy("row").collect()
    assert [row["days"] for row in found] == [30, 0, 0, None]
