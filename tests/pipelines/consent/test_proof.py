"""prove on a small Delta table and a real consent store, without an engine."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from installation.errors import LakehouseError
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.consent.proof import prove
from privacy.consent.errors import ConsentError
from privacy.consent.policy import built_in_policy
from privacy.consent.state import State
from privacy.consent.store import ConsentStore
from privacy.consent.view import ConsentView
from privacy.contract.column import Column
from privacy.contract.document import Document
from tests.privacy.consent.test_store import NOON, record

COLUMNS = (
    Column("customer_id", "", "", "", "", purposes=("analytics",)),
    Column("diet", "", "", "", "", purposes=("research", "marketing")),
)
CONTRACT = Document("gold.profile", "profile", "gold", "1", COLUMNS, subject_key="customer_id", built_for="analytics")


@pytest.fixture
def view(tmp_path: Path) -> ConsentView:
    """c_1 permits analytics, c_2 analytics and marketing, c_3 nothing."""
    policy = built_in_policy()

    def opened() -> ConsentStore:
        return ConsentStore(tmp_path / "consent.db", policy.taxonomy)

    with closing(opened()) as store:
        store.append(
            record(customer, State.GIVEN, purpose=purpose)
            for customer, purpose in (("c_1", "analytics"), ("c_2", "analytics"), ("c_2", "marketing"))
        )
    return ConsentView(opened, policy, "Shop", NOON + timedelta(days=1))


def table(path: Path, *rows: tuple[str | None, str | None]) -> Lakehouse:
    lakehouse = Lakehouse(str(path))
    customers, diets = zip(*rows, strict=True)
    lakehouse.overwrite_rows(
        CONTRACT.table,
        pa.table({"customer_id": pa.array(customers, pa.string()), "diet": pa.array(diets, pa.string())}),
    )
    return lakehouse


def test_the_proof_holds_when_rows_and_values_are_permitted(tmp_path: Path, view: ConsentView) -> None:
    proof = prove(CONTRACT, table(tmp_path, ("c_1", None), ("c_1", None), ("c_2", "low salt")), view)
    assert (proof.holds, proof.customers, proof.message) == (True, 2, "All 2 customers permit analytics")


@pytest.mark.parametrize("stranger", ["c_3", "c_never_seen", None])
def test_one_unpermitted_or_unknown_customer_fails_the_proof(
    tmp_path: Path, view: ConsentView, stranger: str | None
) -> None:
    proof = prove(CONTRACT, table(tmp_path, ("c_1", None), (stranger, None)), view)
    assert (proof.holds, proof.unpermitted_customers, proof.columns) == (False, 1, ())
    assert proof.message == "1 of 2 customers do not permit analytics"


def test_a_value_fails_the_proof_when_its_customer_permits_none_of_the_columns_purposes(
    tmp_path: Path, view: ConsentView
) -> None:
    proof = prove(CONTRACT, table(tmp_path, ("c_1", "low salt"), ("c_2", "low salt")), view)
    assert (proof.holds, proof.unpermitted_customers, proof.columns) == (False, 0, (("diet", 1),))
    assert proof.message == "diet has values of 1 customer(s) who permit none of its purposes"


def test_a_null_customer_passes_only_for_a_purpose_that_needs_no_consent(tmp_path: Path, view: ConsentView) -> None:
    orders = replace(CONTRACT, built_for="legal_records", columns=COLUMNS[:1])
    orders = replace(orders, columns=(replace(COLUMNS[0], purposes=("legal_records",)),))
    lakehouse = table(tmp_path, ("c_3", None), (None, None))
    assert prove(orders, lakehouse, view).holds
    assert prove(CONTRACT, lakehouse, view).unpermitted_customers == 2


def test_a_table_that_cannot_be_proven_is_refused(tmp_path: Path, view: ConsentView) -> None:
    lakehouse = table(tmp_path, ("c_1", None))
    for gap in ({"built_for": None}, {"subject_key": None}):
        with pytest.raises(ConsentError, match="lacks builtFor or subjectKey"):
            prove(replace(CONTRACT, **gap), lakehouse, view)
    with pytest.raises(LakehouseError):
        prove(CONTRACT, Lakehouse(str(tmp_path / "empty")), view)
