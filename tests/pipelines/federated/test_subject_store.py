"""An erasure finds the models that a person took part in, and removes those that were trained without noise."""

from __future__ import annotations

from datetime import datetime

import pytest

from federated.server import RoundRecord
from pipelines.federated.participant import Participants
from pipelines.federated.run_folder import RunFolder
from pipelines.federated.service import FederatedService
from pipelines.federated.subject_store import TrainedModels
from pipelines.orchestration.rights_registry import subject_stores
from privacy.rights.subject import Subject
from privacy.rights.subject_store import OutcomeKind
from tests.features.repo.training_market import TrainingMarket
from tests.pipelines.federated.conftest import NOISE, Declare
from tests.pipelines.federated.test_round_budget import allow


def person(service: FederatedService) -> Subject:
    with service.sites(service.release("next_order")) as sites:
        table = sites[0].read(service.model("next_order").plan.schema)
    return subject_of(str(table.customer[0]))


def subject_of(customer: str) -> Subject:
    return Subject(reference="d_1", customer_ids=(customer,), tokens=(), needles=())


def test_an_erasure_removes_the_model_of_exact_sums_and_every_trace(declare: Declare, market: TrainingMarket) -> None:
    service = declare()
    service.run("next_order")
    service.evaluate("next_order")
    subject, store = person(service), TrainedModels(market.installation)
    assert [one.part for one in store.find(subject)] == ["federated/next_order"]
    # Negative control: before the erasure the proof fails.
    assert store.verify([subject]).residues
    outcome = store.erase([subject])
    assert outcome.counts == {"models_removed": 1}
    assert "cannot be recalled" in outcome.remaining[0]
    assert service.status("next_order").state == "untrained"
    proof = store.verify([subject])
    assert (proof.residues, proof.unverifiable) == ((), ())
    assert store.find(subject) == []


def test_an_erasure_of_somebody_else_keeps_the_model(declare: Declare, market: TrainingMarket) -> None:
    service = declare()
    service.run("next_order")
    store = TrainedModels(market.installation)
    assert store.erase([subject_of("c_somebody_else")]).counts == {"models_removed": 0}
    assert service.status("next_order").state == "trained"
    assert store.verify([subject_of("c_somebody_else")]).unverifiable == ()


def test_a_run_that_stops_early_does_not_hide_who_took_part_in_the_stored_model(
    declare: Declare, market: TrainingMarket
) -> None:
    service = declare()
    service.run("next_order")
    subject, store = person(service), TrainedModels(market.installation)
    market.state(*subject.customer_ids, state="withdrawn", at=datetime(2017, 6, 1))

    def stop(record: RoundRecord) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        service.run("next_order", progress=stop)
    assert store.erase([subject]).counts == {"models_removed": 1}
    assert store.verify([subject]).residues == ()


def test_an_erasure_fails_while_a_run_could_still_write_sums_over_the_person(
    declare: Declare, market: TrainingMarket
) -> None:
    service = declare()
    service.run("next_order")
    subject, store = person(service), TrainedModels(market.installation, wait_seconds=0)
    outcomes = []

    def erase(record: RoundRecord) -> None:
        if not outcomes:
            outcomes.append(store.erase([subject]))

    service.run("next_order", progress=erase)
    assert (outcomes[0].kind, "A run trains" in outcomes[0].reason) == (OutcomeKind.FAILED, True)
    assert store.verify([subject]).residues
    assert store.erase([subject]).counts == {"models_removed": 1}


def test_a_damaged_model_does_not_stop_an_erasure(declare: Declare, market: TrainingMarket) -> None:
    service = declare()
    service.run("next_order")
    subject, store = person(service), TrainedModels(market.installation)
    RunFolder.of(market.installation, "next_order").model.write_bytes(b"damaged")
    assert store.erase([subject]).counts == {"models_removed": 1}


def test_a_model_with_noise_stays_and_forgets_the_participant(declare: Declare, market: TrainingMarket) -> None:
    service = declare(task={"task": "glm", "is_private": True}, privacy=NOISE, rounds=2)
    allow(service, 1.0)
    service.run("next_order")
    subject, store = person(service), TrainedModels(market.installation)
    before = Participants(market.installation).count("next_order")
    assert "stays" in store.erase([subject]).remaining[0]
    assert RunFolder.of(market.installation, "next_order").model.exists()
    assert Participants(market.installation).count("next_order") == before - 1
    assert store.verify([subject]).residues == ()


def test_the_registry_of_stores_has_the_models_and_their_files_belong_to_no_other(market: TrainingMarket) -> None:
    stores = {store.name: store for store in subject_stores(market.installation)}
    assert isinstance(stores["trained models"], TrainedModels)
    with pytest.raises(StopIteration):
        next(iter(stores["trained models"].export(subject_of("c_1"))))
