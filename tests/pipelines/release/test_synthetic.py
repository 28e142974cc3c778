"""A synthetic release holds only what the gate let pass, learned from customers who permit it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest

from installation.installation import Installation
from installation.settings import load_settings
from pipelines.release import synthetic
from pipelines.release.declaration import SyntheticRelease
from pipelines.release.synthetic import Published, prove, publish
from pipelines.synthetic.service import SyntheticService
from privacy.access.errors import AccessRefused
from privacy.clock import utc_now
from privacy.consent.record import ConsentRecord
from privacy.dp.cost import cost_of_rho
from privacy.synthetic.verdict import GateClosed

CUSTOMERS = 900
RELEASE = SyntheticRelease.model_validate(
    {
        "kind": "synthetic", "name": "synthetic_trial", "source": "gold/customer_demographic", "purpose": "research",
        "recipient": "testers", "columns": {"sex": None, "age_band": None}, "epsilon": 4,
    }
)  # fmt: skip
SOURCE = RELEASE.source


def write_customers(place: Installation) -> None:
    """Write 900 customers; the last 100 permit no research, and only they are of the oldest band."""
    random = np.random.default_rng(1)
    bands = random.choice(["25-34", "35-44", "45-54"], CUSTOMERS).astype(object)
    bands[800:] = "65+"
    table = {"customer_id": [f"customer-{number:04d}" for number in range(CUSTOMERS)],
             "sex": random.choice(["F", "M"], CUSTOMERS).tolist(), "age_band": bands.tolist()}  # fmt: skip
    place.lakehouse.overwrite_rows(SOURCE, pa.table(table))
    at = datetime(2017, 1, 1)
    records = [
        ConsentRecord.model_validate(
            {
                "record_id": f"r{number}", "subject_id": f"customer-{number:04d}",
                "controller": place.settings.controller, "purpose": "research", "notice_version": "1",
                "notice_language": "ko", "jurisdiction": "KR",
                "method": "web_form", "state": "given", "effective_at": at, "recorded_at": at, "age_years": 40,
                "evidence_hash": "0" * 64, "asked": "separately",
            }
        )
        for number in range(800)
    ]  # fmt: skip
    with closing(place.open_consent_store()) as store:
        store.append(records)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SyntheticService]:
    data = tmp_path_factory.mktemp("release")
    settings = load_settings(data_dir=data, secret_dir=data / "secret", lakehouse_root=str(data / "lakehouse"))
    with pytest.MonkeyPatch.context() as patch, Installation(settings) as place:
        # The scores train models, which takes long; the gate does not use them.
        patch.setattr("privacy.synthetic.evaluation.evaluate.table_scores", lambda *_: [])
        write_customers(place)
        account = RELEASE.request.account("customer_id")
        place.ledger.set_limit(account, "ever", cost_of_rho(0.4), utc_now())
        yield SyntheticService(place, "ha-neul", "analyst")


@pytest.fixture(scope="module")
def published(service: SyntheticService) -> Published:
    return publish(RELEASE, service)


def test_only_customers_who_permit_it_are_learned_from(service: SyntheticService, published: Published) -> None:
    sides = published.judgement.sides
    assert (sides.customers, sides.permitted) == (CUSTOMERS, 800)
    assert sides.learned.permitted + sides.held_out.permitted == 800
    written = service.installation.lakehouse.rows(RELEASE.table)
    assert written.column_names == ["sex", "age_band"]
    # Of 900 customers, 100 are 65+, none of whom permits; noise alone gives a few.
    assert written["age_band"].to_pylist().count("65+") < 30
    assert all(one.is_passed for one in prove(RELEASE, service))
    assert published.judgement.gate.is_open


def test_the_same_release_costs_once_and_gives_the_same_rows(service: SyntheticService, published: Published) -> None:
    before = service.installation.lakehouse.rows(RELEASE.table)
    again = publish(RELEASE, service)
    assert again.fitted.is_stored
    assert again.balances == published.balances
    assert service.installation.lakehouse.rows(RELEASE.table).sort_by("sex").equals(before.sort_by("sex"))


def test_a_table_that_the_model_did_not_draw_fails_the_check(service: SyntheticService, published: Published) -> None:
    lakehouse = service.installation.lakehouse
    rows = lakehouse.rows(RELEASE.table)
    try:
        lakehouse.overwrite_rows(RELEASE.table, rows.slice(1))
        assert [one.name for one in prove(RELEASE, service) if not one.is_passed] == ["origin"]
    finally:
        lakehouse.overwrite_rows(RELEASE.table, rows)


def test_rows_that_leak_are_not_written(
    service: SyntheticService, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = RELEASE.model_copy(update={"name": "synthetic_leak"})
    people = published.judgement.sides.learned.people

    def leaking(*_: object) -> dict[str, pa.Table]:
        return {other.table: people.rename_columns(["token", "sex", "age_band"])}

    monkeypatch.setattr(synthetic, "drawn", leaking)
    with pytest.raises(GateClosed, match=r"Nothing was published\. identifier customer_id"):
        publish(other, service)
    assert not service.installation.lakehouse.exists(other.table)
    # Negative control: without the gate, the identifiers would be in the published table.
    monkeypatch.setattr("privacy.synthetic.verdict.Gate.require_open", lambda _: None)
    publish(other, service)
    assert service.installation.lakehouse.rows(other.table)["token"].to_pylist() == people["customer_id"].to_pylist()


def test_a_role_without_the_purpose_is_refused_and_logged(service: SyntheticService, published: Published) -> None:
    steward = SyntheticService(service.installation, "ha-neul", "steward")
    with pytest.raises(AccessRefused):
        publish(RELEASE, steward)
    assert [one.outcome for _, one in service.installation.audit_log.entries()][-1] == "refused"
