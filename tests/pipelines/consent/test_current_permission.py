"""keep_permitted_now against the decision index over the whole record: silver/permission alone would be out of date."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame

from pipelines.consent.current_permission import keep_permitted_now
from pipelines.engine.session import Engine
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from privacy.consent.errors import ConsentError
from privacy.consent.frame import Permissions, permission_rows
from privacy.consent.policy import built_in_policy
from privacy.consent.state import State
from privacy.consent.store import ConsentStore
from privacy.consent.verdict_change import PERMISSION, note_permissions
from privacy.consent.view import MEMBERSHIP, RECORD, ConsentView
from tests.privacy.consent.test_store import NOON, record

POLICY = built_in_policy()
CUSTOMERS = [*(f"c_{number}" for number in range(6)), None]
LATER = NOON + timedelta(hours=1)
PURPOSES = ("marketing", "advertising_message", "service_delivery", "legal_records")


class Shop:
    """A consent store and a lakehouse with silver/permission."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.engine = engine
        self.store = ConsentStore(folder / "consent.db", POLICY.taxonomy)
        self.lakehouse = SparkLakehouse(str(folder / "lakehouse"), engine.spark)

    def view(self) -> ConsentView:
        path = self.store.path
        return ConsentView(lambda: ConsentStore(path, POLICY.taxonomy), POLICY, "Shop", NOON + timedelta(days=1))

    def build(self) -> None:
        """Build silver/permission as a run does."""
        view, create = self.view(), self.engine.spark.createDataFrame
        rows = permission_rows(create(view.table(RECORD)), create(view.table(MEMBERSHIP)), POLICY, "Shop")
        self.lakehouse.overwrite(PERMISSION, rows)
        note_permissions(view)

    def frame(self) -> DataFrame:
        rows = pa.table({"customer_id": pa.array(CUSTOMERS, pa.string()), "amount": list(range(len(CUSTOMERS)))})
        return self.engine.spark.createDataFrame(rows)

    def kept(self, purpose: str) -> set[str | None]:
        frame = keep_permitted_now(self.frame(), purpose, self.view(), self.lakehouse, "customer_id")
        assert frame.columns == ["customer_id", "amount"]
        rows = frame.toArrow()["customer_id"].to_pylist()
        assert len(rows) == len(set(rows))
        return set(rows)

    def by_index(self, purpose: str) -> set[str | None]:
        view = self.view()
        return {customer for customer in CUSTOMERS if view.is_permitted(customer, purpose)}


@pytest.fixture
def shop(sail: Engine, tmp_path: Path) -> Iterator[Shop]:
    """c_0 and c_1 (two source persons) permit marketing, c_2 refused, c_3 restricts all; the table is built."""
    made = Shop(tmp_path, sail)
    for subject, customer in (("s_1", "c_1"), ("s_2", "c_1"), ("s_4", "c_4")):
        made.store.assign(subject, customer, datetime(2020, 1, 1))
    made.store.append([record(name, State.GIVEN) for name in ("c_0", "s_1", "s_2", "s_4")])
    made.store.append([record("c_2", State.REFUSED), record("c_3", State.RESTRICTED, purpose="*")])
    made.build()
    yield made
    made.store.close()


def test_without_changes_the_rows_are_those_of_the_table(shop: Shop) -> None:
    for purpose in PURPOSES:
        assert shop.kept(purpose) == shop.by_index(purpose)
    assert shop.kept("marketing") == {"c_0", "c_1", "c_4"}
    assert shop.kept("service_delivery") == {*CUSTOMERS} - {"c_3"}


def test_withdrawals_hide_and_consents_show_rows_before_the_next_build(shop: Shop) -> None:
    before = Permissions(shop.lakehouse.read(PERMISSION), POLICY)
    shop.store.append([record("s_2", State.WITHDRAWN, LATER), record("c_2", State.RENEWED, LATER)])
    shop.store.append([record("c_0", State.WITHDRAWN, LATER, purpose="advertising_message")])
    shop.store.append([record("c_3", State.RESTRICTION_LIFTED, LATER, purpose="*")])
    shop.store.append([record("c_5", State.RESTRICTED, LATER, purpose="*")])
    shop.store.assign("s_4", "c_1", LATER)
    for purpose in PURPOSES:
        assert shop.kept(purpose) == shop.by_index(purpose)
    assert shop.kept("marketing") == {"c_0", "c_2"}
    assert shop.kept("advertising_message") == {"c_2"}
    assert shop.kept("service_delivery") == {*CUSTOMERS} - {"c_5"}
    stale = before.permitted(shop.frame(), "marketing", shop.view().moment).toArrow()["customer_id"].to_pylist()
    assert set(stale) == {"c_0", "c_1", "c_4"}
    shop.build()
    for purpose in PURPOSES:
        assert shop.kept(purpose) == shop.by_index(purpose)


def test_without_silver_permission_no_row_is_read_unless_no_customer_can_refuse(sail: Engine, tmp_path: Path) -> None:
    empty = Shop(tmp_path, sail)
    with pytest.raises(ConsentError, match="run `bojagi run`"):
        empty.kept("marketing")
    assert empty.kept("legal_records") == set(CUSTOMERS)
    empty.store.close()
