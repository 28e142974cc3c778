"""A training with noise is paid from the privacy ledger before a sum leaves a site."""

from __future__ import annotations

import pytest

from federated.errors import FederatedError, SiteRefused
from federated.server import RoundRecord
from installation.audit_verification import verify_releases
from pipelines.federated.round_budget import RoundBudget, account_of
from pipelines.federated.service import FederatedService
from pipelines.federated.training_plan import cost_of
from privacy.clock import utc_now
from privacy.dp.cost import cost_of_rho
from privacy.dp.errors import BudgetRefused
from tests.features.repo.training_market import TrainingMarket
from tests.pipelines.federated.conftest import NOISE, Declare


@pytest.fixture
def private(declare: Declare) -> FederatedService:
    task = {"task": "glm", "family": "logistic", "is_private": True}
    return declare(task=task, privacy=NOISE, rounds=4)


def allow(service: FederatedService, rho: float) -> None:
    account = account_of(service.release("next_order"))
    service.installation.ledger.set_limit(account, "ever", cost_of_rho(rho), utc_now())


def spent(service: FederatedService) -> float:
    (balance,) = service.installation.ledger.balances(account_of(service.release("next_order")), utc_now())
    return balance.spent.rho


def test_a_run_without_a_limit_is_refused_before_anything_is_spent(private: FederatedService) -> None:
    with pytest.raises(BudgetRefused):
        private.run("next_order")
    assert private.status("next_order").state == "untrained"


def test_each_round_is_debited_once_for_all_sites_and_the_run_costs_what_it_declares(private: FederatedService) -> None:
    allow(private, NOISE["rho"])
    found = private.run("next_order")
    plan = private.model("next_order").plan
    assert found.rounds == 4
    assert found.rho is not None
    assert 0.99 * NOISE["rho"] < found.rho <= NOISE["rho"]
    assert spent(private) == pytest.approx(cost_of(plan), abs=1e-8)
    debits = [entry for entry in private.installation.ledger.entries() if entry.content["kind"] == "spend"]
    assert len(debits) == 4
    assert verify_releases(private.installation) == []
    with pytest.raises(BudgetRefused):
        private.run("next_order")
    assert spent(private) <= NOISE["rho"]


def test_a_stopped_run_is_continued_with_the_budget_of_its_remaining_rounds(private: FederatedService) -> None:
    allow(private, NOISE["rho"])

    def stop(record: RoundRecord) -> None:
        if record.round == 1:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        private.run("next_order", progress=stop)
    with pytest.raises(BudgetRefused):  # a new run costs more than is left; the stopped one is kept
        private.run("next_order")
    assert private.run("next_order", resume=True).rounds == 4
    assert 0.99 * NOISE["rho"] < spent(private) <= NOISE["rho"]


def test_a_round_that_is_done_again_is_debited_again(private: FederatedService) -> None:
    allow(private, 1.0)
    budget = RoundBudget(private.installation, private.release("next_order"), "tester")
    for site in ("east", "west", "north"):
        budget.debit(site, "run", 0, 0.1)
    assert spent(private) == pytest.approx(0.1)
    budget.debit("east", "run", 0, 0.1)
    assert spent(private) == pytest.approx(0.2)


def test_a_site_without_budget_sends_nothing(private: FederatedService, market: TrainingMarket) -> None:
    allow(private, 0.2)
    with private.sites(private.release("next_order")) as sites:
        sites[0].debit("run", 0, 0.15)
        with pytest.raises(SiteRefused, match="left in ever"):
            sites[0].debit("run", 1, 0.15)
    assert spent(private) == pytest.approx(0.15)
    assert issubclass(SiteRefused, FederatedError)
