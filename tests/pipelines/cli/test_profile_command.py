"""`bojagi profile` describes what the role may read, logs it as a read, and shows no value of few people."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.cli.exit_code import ExitCode
from tests.pipelines.cli.conftest import Bojagi

pytestmark = [pytest.mark.slow]
ANALYST = ("--role", "analyst", "--purpose", "analytics")


def test_a_profile_of_customers_is_logged_as_a_read_of_its_columns(finished: tuple[Bojagi, Any]) -> None:
    bojagi, _ = finished
    columns = ("member_status", "order_count", "sales_value")
    found = bojagi.json("profile", "gold/customer_360", *ANALYST, "--columns", ",".join(columns))
    by_name = {one["column"]: one for one in found["columns"]}
    assert tuple(by_name) == columns
    assert found["rows"] == found["subjects"] > 10
    assert by_name["sales_value"]["unit"] == "USD"
    assert by_name["sales_value"]["quantiles"].keys() <= {"p25", "p50", "p75"}, "few people: no tails"
    log = bojagi("audit", "show").stdout
    assert "read gold/customer_360 for analytics" in " ".join(log.split())


def test_every_value_that_is_shown_is_held_by_more_than_ten_customers(finished: tuple[Bojagi, Any]) -> None:
    bojagi, _ = finished
    rows = bojagi.json("read", "gold/customer_360", *ANALYST, "--limit", "100000")["rows"]
    found = bojagi.json("profile", "gold/customer_360", *ANALYST)
    shown = 0
    for one in found["columns"]:
        values = [str(row[one["column"]]) for row in rows]
        for value in one["top"]:
            shown += 1
            assert values.count(value) > 10 or one["type"] in ("double", "decimal(18,2)"), (one["column"], value)
        assert one["null_share"] == pytest.approx(values.count("None") / len(rows), abs=0.001)
    assert shown


def test_a_role_sees_the_profile_of_its_columns_only(finished: tuple[Bojagi, Any]) -> None:
    bojagi, _ = finished
    refused = bojagi("profile", "bronze/crm_customer", *ANALYST)
    assert refused.returncode == ExitCode.REFUSED
    assert "analyst may not read bronze/crm_customer" in refused.stderr
    stated = ("--role", "data_steward", "--purpose", "quality_assurance")
    found = bojagi.json("profile", "gold/customer_demographic", *stated)
    assert "beliefs" in found["left_out"]
    assert "beliefs" not in {one["column"] for one in found["columns"]}


def test_a_table_without_persons_is_described_in_words(finished: tuple[Bojagi, Any]) -> None:
    bojagi, _ = finished
    told = bojagi("profile", "silver/product", *ANALYST, "--columns", "department,median_unit_price").stdout
    assert "most frequent: Grocery" in told
    assert "median_unit_price (double, USD)" in told
    assert "holds no persons" in told
