"""Fits a private model in the safe order: debit, then noise. The debit is on the disk before a row is measured."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from privacy.dp.budget_account import BudgetAccount
from privacy.dp.cost import Cost, cost_of_rho
from privacy.dp.ledger import Ledger
from privacy.dp.ledger_answer import Answered, Grant
from privacy.synthetic.accounting import mu_of
from privacy.synthetic.event.specification import EventSpecification
from privacy.synthetic.model_file import Model, load_model, save_model
from privacy.synthetic.specification import Specification

Fitted = TypeVar("Fitted", bound=Model)
AnySpecification = Specification | EventSpecification


@dataclass(frozen=True)
class FitRecord:
    """What the ledger stores about a fit, and what the release gate compares.

    question: hash of the specification and of the rows' scope. debit, digest: the ledger entry of the debit.
    model: SHA-256 of the model's content.
    """

    question: str
    account: str
    debit: int
    digest: str
    nano_rho: int
    epsilon: float
    delta: float
    domain: str
    model: str
    fitted_at: str


def cost_of(specification: AnySpecification) -> Cost:
    """Return the cost of a fit: ρ = μ²/2, for which the noise is exactly ρ-zCDP and by the tighter accounting (ε, δ)-DP."""
    return cost_of_rho(mu_of(specification.epsilon, specification.delta) ** 2 / 2)


def question_of(specification: AnySpecification, scope: str) -> str:
    """Return the hash by which the ledger knows a fit. `scope` names the rows' version; the same fit costs once."""
    content = {"kind": type(specification).__name__, "specification": specification.model_dump(mode="json"),
               "scope": scope}  # fmt: skip
    return "synthetic:" + hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def fit_model(
    specification: AnySpecification, fit: Callable[[], Fitted], account: BudgetAccount, ledger: Ledger,
    path: Path, key: bytes, now: datetime, scope: str, note: Callable[[Grant], None] = lambda _: None,
) -> tuple[Model, FitRecord]:  # fmt: skip
    """Return the model and its record; a model of the same specification and scope is loaded and costs nothing.

    `note` records the debit elsewhere, before a row is measured.

    Raises:
        BudgetRefused: the account has no limit, or the fit would exceed it. No row was read.
        DamagedModel: the stored model was changed.
    """
    question = question_of(specification, scope)
    granted = ledger.ask(account, question, cost_of(specification), now)
    if isinstance(granted, Answered):
        record = FitRecord(**json.loads(granted.answer))
        return load_model(path, key), record
    note(granted)
    model = fit()
    digest = save_model(model, path, key)
    record = FitRecord(
        question, str(account), granted.debit.number, granted.debit.digest, granted.cost.nano_rho,
        specification.epsilon, specification.delta, specification.domain_digest, digest, now.isoformat(),
    )  # fmt: skip
    ledger.record_answer(granted, json.dumps(asdict(record)), now)
    return model, record
