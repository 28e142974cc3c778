"""A release holds only those who permit it, and a broken or outdated one does not pass."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from deltalake import write_deltalake

from installation.contract.document import Contract, load_contracts
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.errors import ReleaseError
from pipelines.release.anonymous import prove_release, publish, read_release
from pipelines.release.declaration import AnonymousRelease, anonymous_releases, load_releases
from privacy.anonymity.errors import InfeasibleError, VerificationError
from privacy.anonymity.registry import ReleaseRegistry
from privacy.anonymity.report.html_page import render_html
from privacy.consent.policy import built_in_policy
from privacy.consent.record import ConsentRecord
from privacy.consent.store import ConsentStore
from privacy.consent.view import ConsentView

SIZE = 240
NOW = datetime(2017, 6, 1)
PLAN = anonymous_releases()[0]


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load_contracts().table(PLAN.source)


def say(folder: Path, customers: range, state: str, year: int) -> None:
    """Record what customers say about research."""
    at = datetime(year, 1, 1)
    told = {
        "controller": "Bojagi Mart", "purpose": PLAN.purpose, "notice_version": "1", "notice_language": "ko",
        "jurisdiction": "KR", "method": "web_form", "state": state, "effective_at": at, "recorded_at": at,
        "age_years": 40, "evidence_hash": "0" * 64, "asked": "separately",
    }  # fmt: skip
    records = [
        ConsentRecord.model_validate({"record_id": f"{state}{number}", "subject_id": f"c{number:03d}", **told})
        for number in customers
    ]
    with closing(ConsentStore(folder / "consent.db", built_in_policy().taxonomy)) as store:
        store.append(records)


def look(folder: Path) -> ConsentView:
    policy = built_in_policy()
    return ConsentView(lambda: ConsentStore(folder / "consent.db", policy.taxonomy), policy, "Bojagi Mart", NOW)


@pytest.fixture
def registry(tmp_path: Path) -> ReleaseRegistry:
    return ReleaseRegistry(tmp_path / "released", b"k" * 32, lambda: datetime(2017, 6, 1, tzinfo=UTC))


@pytest.fixture
def lakehouse(tmp_path: Path) -> Lakehouse:
    """240 customers; the last 40 have said nothing about research."""
    random = np.random.default_rng(1)
    values = {
        "sex": ["F", "M"], "age_band": ["25-34", "35-44", "45-54"], "sido": ["Seoul", "Busan"],
        "household_size": ["1", "2"], "marital_status": ["Married", "Unmarried"], "income_band": ["low", "high"],
        "pets": ["dog", "none"],
    }  # fmt: skip
    table = pd.DataFrame({name: random.choice(options, SIZE) for name, options in values.items()})
    table.insert(0, "customer_id", [f"c{number:03d}" for number in range(SIZE)])
    table.loc[200:, "sido"] = "Jeju"
    held = Lakehouse(str(tmp_path / "lakehouse"))
    write_deltalake(held.path(PLAN.source), table)
    say(tmp_path, range(200), "given", 2016)
    return held


def test_only_those_who_permit_it_are_released(
    lakehouse: Lakehouse, contract: Contract, registry: ReleaseRegistry, tmp_path: Path
) -> None:
    made = publish(PLAN, contract, lakehouse, look(tmp_path), registry)
    out = read_release(PLAN, lakehouse)
    assert (made.customers, made.rows, len(out)) == (SIZE, 200, 200)
    assert list(out.columns) == list(PLAN.spec.columns)
    assert not out["sido"].str.contains("Jeju").any()
    page = render_html(made.report)
    assert f"version 1 of {PLAN.table}, for {PLAN.recipient}" in page
    assert "200 people in 200 rows, identified by customer_id; no person has more than 1 row" in page
    assert prove_release(PLAN, contract, lakehouse, look(tmp_path), registry).is_passed


def test_a_broken_class_does_not_pass(
    lakehouse: Lakehouse, contract: Contract, registry: ReleaseRegistry, tmp_path: Path
) -> None:
    publish(PLAN, contract, lakehouse, look(tmp_path), registry)
    broken = read_release(PLAN, lakehouse)
    broken.loc[0, "sex"] = "someone"
    write_deltalake(lakehouse.path(PLAN.table), broken, mode="overwrite")
    verdict = prove_release(PLAN, contract, lakehouse, look(tmp_path), registry)
    assert "k_anonymity" in {one.model for one in verdict.violations}


def test_a_withdrawal_makes_the_written_release_fail(
    lakehouse: Lakehouse, contract: Contract, registry: ReleaseRegistry, tmp_path: Path
) -> None:
    publish(PLAN, contract, lakehouse, look(tmp_path), registry)
    say(tmp_path, range(1), "withdrawn", 2017)
    verdict = prove_release(PLAN, contract, lakehouse, look(tmp_path), registry)
    assert "1 customers in it no longer permit research" in verdict.faults[-1]
    publish(PLAN, contract, lakehouse, look(tmp_path), registry)
    assert prove_release(PLAN, contract, lakehouse, look(tmp_path), registry).is_passed


def test_whoever_was_released_stays_with_the_same_people(
    lakehouse: Lakehouse, contract: Contract, registry: ReleaseRegistry, tmp_path: Path
) -> None:
    publish(PLAN, contract, lakehouse, look(tmp_path), registry)
    before = read_release(PLAN, lakehouse)
    say(tmp_path, range(200, 240), "given", 2016)
    publish(PLAN, contract, lakehouse, look(tmp_path), registry)
    after = read_release(PLAN, lakehouse)
    assert len(after) > len(before)
    assert prove_release(PLAN, contract, lakehouse, look(tmp_path), registry).is_passed
    quasi = list(PLAN.spec.quasi)
    assert after.groupby(quasi).size().reindex(before.groupby(quasi).size().index).notna().all()
    assert [one.recipient for one in registry.releases(PLAN.table)] == ["research partners"] * 2


def test_nothing_is_written_when_nothing_can_be(
    lakehouse: Lakehouse, contract: Contract, registry: ReleaseRegistry, tmp_path: Path
) -> None:
    too_much = changed({"models": [{"name": "k_anonymity", "k": 500}]})
    harmless = {name: column for name, column in PLAN.form["columns"].items() if name != "pets"}
    fewer = changed({"columns": harmless, "models": PLAN.form["models"][:1]}, "marketing")
    with pytest.raises(InfeasibleError, match="k is 500"):
        publish(too_much, contract, lakehouse, look(tmp_path), registry)
    with pytest.raises(ReleaseError, match="none of 240 customers permits marketing"):
        publish(fewer, contract, lakehouse, look(tmp_path), registry)
    assert not lakehouse.exists(PLAN.table)


def test_a_plan_that_the_contract_does_not_allow_is_refused(contract: Contract) -> None:
    with pytest.raises(ReleaseError, match="does not allow \\['pets'\\] for analytics"):
        PLAN.model_copy(update={"purpose": "analytics"}).require(contract)
    with pytest.raises(ReleaseError, match="subjectKey"):
        PLAN.require(replace(contract, subject_key=None))
    assert PLAN.require(contract) == "customer_id"


def test_a_plan_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text("kind: anonymous\nsource: gold/x\npurpose: research\n", encoding="utf-8")
    with pytest.raises(ReleaseError, match=r"odd.yaml is not a valid release: anonymous.recipient"):
        load_releases(tmp_path)


def test_new_people_whose_class_does_not_hold_wait(
    lakehouse: Lakehouse,
    contract: Contract,
    registry: ReleaseRegistry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publish(PLAN, contract, lakehouse, look(tmp_path), registry)
    # Among themselves nobody stands out by a dog that all of them have; beside everybody they do.
    table = lakehouse.delta(PLAN.source).to_pandas()
    table.loc[table["customer_id"] >= "c200", "pets"] = "dog"
    write_deltalake(lakehouse.path(PLAN.source), table, mode="overwrite")
    say(tmp_path, range(200, 240), "given", 2016)
    publish(PLAN, contract, lakehouse, look(tmp_path), registry)
    assert not read_release(PLAN, lakehouse)["sido"].str.contains("Jeju").any()
    # The negative control: did they not wait, nothing would be released.
    monkeypatch.setattr("privacy.anonymity.registry._without_broken", lambda everybody, *_: everybody)
    with pytest.raises(VerificationError, match="nothing was released"):
        publish(PLAN, contract, lakehouse, look(tmp_path), registry)


def changed(form: dict[str, object], purpose: str = PLAN.purpose) -> AnonymousRelease:
    """The built-in plan with another specification."""
    told = {"name": PLAN.name, "kind": PLAN.kind, "source": PLAN.source, "recipient": PLAN.recipient}
    return AnonymousRelease.model_validate({**told, "purpose": purpose, "spec": {**PLAN.form, **form}})
