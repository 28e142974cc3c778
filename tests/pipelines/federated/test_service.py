"""A declared model is trained over the sites of an installation, stored, resumed and evaluated."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.errors import FeatureError
from federated.checkpoint import read_checkpoint
from federated.pooled import pool, train
from federated.server import RoundRecord
from federated.worth.holdout import split_by_customer
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.errors import ReleaseError, RunLockError, TrainingError
from pipelines.federated.participant import Participants
from pipelines.federated.report_page import summary_lines
from pipelines.federated.run_folder import RunFolder
from privacy.access.errors import AccessRefused
from tests.features.repo.training_market import SPEC, TrainingMarket
from tests.pipelines.federated.conftest import GROUPS, Declare


class _StopError(Exception):
    """Stops a run in a test, as a signal would."""


def _only(feature: str, at_least: float) -> dict[str, object]:
    return SPEC.model_dump(mode="json") | {
        "only": [{"feature": f"customer_purchase_window:{feature}", "at_least": at_least}]
    }


def _split(groups: dict[str, list[str]]) -> dict[str, object]:
    return {"table": "gold/customer_location", "column": "sido", "groups": groups}


def stop_after(rounds: int) -> object:
    def progress(record: RoundRecord) -> None:
        if record.round + 1 == rounds:
            raise _StopError

    return progress


def test_the_masked_model_is_the_central_model_of_all_customers_of_the_sites(declare: Declare) -> None:
    service = declare()
    found = service.run("next_order")
    assert (found.state, found.is_converged, found.sites) == ("trained", True, ("east", "north", "south", "west"))
    run = service.model("next_order")
    with service.sites(service.release("next_order")) as sites:
        tables = [split_by_customer(site.read(run.plan.schema), run.plan.held_share)[0] for site in sites]
    central = train(run.plan.task, [pool(tables)], run.plan.sites_max, run.plan.rounds_max)
    assert np.abs(run.state["coefficient"] - central["coefficient"]).max() < 1e-9
    assert np.abs(run.state["coefficient"]).max() > 0.1


def test_a_stopped_run_continues_and_ends_as_one_that_was_not_stopped(declare: Declare) -> None:
    service = declare()
    service.run("next_order")
    whole = service.model("next_order").state
    with pytest.raises(_StopError):
        service.run("next_order", progress=stop_after(2))  # type: ignore[arg-type]
    stopped = service.status("next_order")
    assert (stopped.state, stopped.rounds) == ("unfinished", 2)
    continued = service.run("next_order", resume=True)
    assert (continued.state, continued.run) == ("trained", stopped.run)
    for name, array in whole.items():
        np.testing.assert_array_equal(array, service.model("next_order").state[name])


def test_a_run_of_another_declaration_is_not_continued(declare: Declare) -> None:
    service = declare()
    with pytest.raises(_StopError):
        service.run("next_order", progress=stop_after(1))  # type: ignore[arg-type]
    with pytest.raises(TrainingError, match="started with another declaration"):
        declare(rounds=3).run("next_order", resume=True)
    assert declare(rounds=3).run("next_order").rounds == 3


def test_a_customer_who_withdraws_is_missing_from_the_next_round(declare: Declare, market: TrainingMarket) -> None:
    service = declare()

    def withdraw(record: RoundRecord) -> None:
        if record.round == 1:
            with service.sites(service.release("next_order")) as sites:
                leaving = sorted(sites[0].members())[:3]  # type: ignore[misc]
            market.state(*leaving, state="withdrawn", at=datetime(2017, 6, 1))

    service.run("next_order", progress=withdraw)
    log = [entry for _, entry in market.installation.audit_log.entries()]
    reads = [entry.subjects or 0 for entry in log if entry.table == "service/purchase_habit"]
    rounds = [sum(reads[at : at + 4]) for at in range(0, len(reads), 4)]
    assert rounds[:4] == [rounds[0], rounds[0], rounds[0] - 3, rounds[0] - 3]


def test_two_runs_of_one_model_at_once_are_refused(declare: Declare, market: TrainingMarket) -> None:
    service = declare()
    with RunFolder.of(market.installation, "next_order").locked(), pytest.raises(RunLockError):
        service.run("next_order")


def test_an_installation_with_too_few_sites_is_refused_at_once(declare: Declare) -> None:
    service = declare(sites_min=5)
    with pytest.raises(TrainingError, match="needs 5 sites; the customers of this installation make 4"):
        service.run("next_order")
    assert service.status("next_order").state == "untrained"


def test_sites_that_share_a_customer_are_refused(
    declare: Declare, market: TrainingMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = declare(sites={"table": "gold/customer_location", "column": "sido"})
    rows = type(market.installation.lakehouse).rows

    def doubled(lakehouse: Lakehouse, table: str, columns: list[str]) -> pa.Table:
        found = rows(lakehouse, table, columns)
        moved = found.set_column(1, columns[1], pa.array(["elsewhere"] * len(found)))
        return pa.concat_tables([found, moved.cast(found.schema)]) if columns[1:] == ["sido"] else found

    monkeypatch.setattr(type(market.installation.lakehouse), "rows", doubled)
    with pytest.raises(ReleaseError, match="customers are in several sites"):
        service.run("next_order")


def test_a_plan_for_fewer_sites_than_declared_is_refused(declare: Declare) -> None:
    with pytest.raises(TrainingError, match="needs 3 sites"):
        declare().plan("next_order", 2)


def test_a_model_of_another_plan_is_not_adopted(declare: Declare, market: TrainingMarket, tmp_path: Path) -> None:
    declare(held_share=0.0).run("next_order")
    file = RunFolder.of(market.installation, "next_order").model.rename(tmp_path / "run.zip")
    with pytest.raises(TrainingError, match="differs in: held_share"):
        declare().adopt("next_order", file)


def test_clusters_are_not_judged_by_an_outcome_that_they_do_not_predict(declare: Declare) -> None:
    service = declare(task={"task": "k_means", "clusters": 2, "rounds": 2})
    service.run("next_order")
    with pytest.raises(TrainingError, match="predicts no outcome"):
        service.evaluate("next_order")


def test_the_summary_claims_nothing_about_sites_that_were_not_measured(declare: Declare) -> None:
    service = declare(sites=_split({**GROUPS, "zempty": ["nowhere"]}))
    service.run("next_order")
    found = service.evaluate("next_order")
    lines = summary_lines(found)
    assert any("Too few held-out customers" in line and "zempty" in line for line in lines)
    alone = dataclasses.replace(found.worth, sites=[one for one in found.worth.sites if one.site == "zempty"])
    assert not any("no site" in line for line in summary_lines(dataclasses.replace(found, worth=alone)))


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"task": {"task": "oracle"}}, ReleaseError, "There is no task 'oracle'"),
        ({"task": {"task": "glm", "ridge": "one"}}, ReleaseError, "`ridge` of task 'glm' must be of type float"),
        ({"purpose": "marketing"}, AccessRefused, "does not serve it"),
        ({"sites": {"table": "gold/customer_location", "column": "colour"}}, ReleaseError, "column colour"),
        ({"sites": {"table": "gold/customer_demographic", "column": "sex"}}, ReleaseError, "does not allow sex"),
        ({"training": {"service": "purchase_habit"}}, ReleaseError, "outcome"),
        ({"training": _only("last_order_on", 1)}, FeatureError, "needs a number, and customer_purchase_window:last"),
        ({"training": _only("order_count_90d", 1e9)}, TrainingError, "trained on no row, so it was not stored"),
        ({"sites": _split({"a": ["경기도"], "b": ["강원도", "경기도"]})}, ReleaseError, "name 경기도 more than once"),
        ({"sites": _split({str(at): [str(at)] for at in range(6)})}, ReleaseError, "3 of 6 sites.*Raise `sites_min`"),
    ],
)
def test_a_declaration_that_cannot_be_trained_is_refused_with_its_fault(
    declare: Declare, changes: dict[str, object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        declare(**changes).run("next_order")


def test_a_model_that_is_not_declared_is_named_with_those_that_are(declare: Declare) -> None:
    with pytest.raises(TrainingError, match="there are: next_order"):
        declare().run("churned")


def test_the_evaluation_has_figures_of_sites_and_no_customer(declare: Declare, market: TrainingMarket) -> None:
    service = declare()
    service.run("next_order")
    found = json.loads(service.evaluate("next_order").to_json())
    assert [site["site"] for site in found["sites"]] == ["east", "north", "south", "west"]
    assert {one["site"] for one in found["contributions"]} <= {"east", "north", "south", "west"}
    assert found["newest_day"]["customers"] > 0
    folder = RunFolder.of(market.installation, "next_order")
    page = folder.report.with_suffix(".html").read_text("utf-8")
    assert "Too few held-out customers of each outcome to tell what it is worth to: east, north, south, west." in page
    assert "significantly" not in page, "nothing is claimed of sites that were not measured"
    stored = [path.read_bytes() for path in folder.path.iterdir()]
    assert not any(b"c_5_" in content for content in stored)


def test_a_model_file_that_was_altered_is_refused(declare: Declare, market: TrainingMarket) -> None:
    service = declare()
    service.run("next_order")
    path = RunFolder.of(market.installation, "next_order").model
    content = bytearray(path.read_bytes())
    at = content.index(b"state.npz") + 200
    content[at] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(TrainingError, match=r"model\.zip"):
        service.status("next_order")


def test_a_model_that_was_trained_elsewhere_is_adopted_if_its_table_is_the_declared_one(
    declare: Declare, market: TrainingMarket, tmp_path: Path
) -> None:
    service = declare()
    service.run("next_order")
    elsewhere = tmp_path / "run.zip"
    RunFolder.of(market.installation, "next_order").model.rename(elsewhere)
    assert service.status("next_order").state == "untrained"
    assert service.adopt("next_order", elsewhere).state == "trained"
    (alone,) = service.evaluate("next_order", "north").worth.sites
    assert alone.site == "north"
    form = SPEC.model_dump(mode="json")
    form["columns"]["order_count_90d"]["upper"] = 100
    with pytest.raises(TrainingError, match="Other kind or bounds have: order_count_90d"):
        declare(training=form).adopt("next_order", elsewhere)


def test_an_unfinished_model_is_not_adopted(declare: Declare, market: TrainingMarket) -> None:
    service = declare()
    with pytest.raises(_StopError):
        service.run("next_order", progress=stop_after(1))  # type: ignore[arg-type]
    with pytest.raises(TrainingError, match="has not ended"):
        service.adopt("next_order", RunFolder.of(market.installation, "next_order").unfinished)


def test_participants_are_counted_and_a_new_run_starts_anew(declare: Declare, market: TrainingMarket) -> None:
    service, participants = declare(), Participants(market.installation)
    service.run("next_order")
    used = participants.count("next_order")
    assert 40 < used <= 80
    some = read_checkpoint(RunFolder.of(market.installation, "next_order").model)
    with service.sites(service.release("next_order")) as sites:
        customers = sorted({one for site in sites for one in site.read(some.plan.schema).customer})
    assert used == len(customers)
    market.state(*customers[:5], state="withdrawn", at=datetime(2017, 6, 1))
    service.run("next_order")
    assert Participants(market.installation).count("next_order") == used - 5
    assert not Participants(market.installation).contains("next_order", customers[:5])
