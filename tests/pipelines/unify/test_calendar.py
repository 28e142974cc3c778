"""The calendar covers the data and the reference date; a wrong date in the future does not lengthen it for ever."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from installation.contract.document import Contracts
from pipelines.derived_table.table import BuildContext
from pipelines.engine.session import Engine
from pipelines.register.customer_id import opaque_ids
from pipelines.unify.calendar import LARGEST_FORESIGHT_DAYS, build

TODAY = date(2017, 12, 31)


@pytest.mark.parametrize(
    ("observed", "last"),
    [
        (date(2017, 12, 30), TODAY),
        (date(2018, 1, 7), date(2018, 1, 7)),
        (date(2099, 12, 31), TODAY + timedelta(LARGEST_FORESIGHT_DAYS)),
    ],
)
def test_the_calendar_ends_with_the_data_or_the_reference_date_and_never_in_2099(
    sail: Engine, contracts: Contracts, observed: date, last: date
) -> None:
    spark = sail.spark
    weather = "observed_on date, sido string, temp_min_c double, temp_max_c double, precipitation_mm double, "
    weather += "precipitation_mm_is_imputed boolean, condition string"
    tables = {
        "bronze/cj_transactions": spark.createDataFrame([(datetime(2017, 12, 1),)], "transaction_timestamp timestamp"),
        "bronze/weather": spark.createDataFrame([(observed, "서울특별시", 0.0, 1.0, 0.0, False, "clear")], weather),
        "bronze/region": spark.createDataFrame([("서울특별시",)], "sido string"),
    }
    context = BuildContext(contracts, TODAY, opaque_ids(), spark)
    days = [row["calendar_date"] for row in build(tables, context).select("calendar_date").distinct().collect()]
    assert (min(days), max(days)) == (date(2017, 12, 1), last)
