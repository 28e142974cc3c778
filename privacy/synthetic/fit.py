"""Fits a private model in the safe order: debit, then noise. The debit is on the disk before a row is measured."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from privacy.dp.budget_account import BudgetAccount
from privacy.dp.cost import Cost, cost_of_rho
from privacy.dp.ledger import Ledger
from privacy.dp.ledger_answer import Answered, Grant
from privacy.synthetic.accounting import mu_of
from privacy.synthetic.coding import codings, require_columns
from privacy.synthetic.event.history import require_event_columns
from privacy.synthetic.event.measurement import history_scales
from privacy.synthetic.event.private_history import PrivateHistory
from privacy.synthetic.event.specification import EventSpecification
from privacy.synthetic.marginal.measurement import table_scales
from privacy.synthetic.model_file import Model, load_model, save_model
from privacy.synthetic.private_table import PrivateTable
from privacy.synthetic.specification import Specification
from privacy.synthetic.synthesizer import Progress, no_progress
from privacy.synthetic.unit_bound import require_unit

AnySpecification = Specification | EventSpecification


@dataclass(frozen=True)
class FitSetting:
    """Where the budget of a fit comes from, and where its model is saved.

    scope: names the version of the rows, so that the same fit of the same rows costs once. key: seals the model file.
    note: records the debit elsewhere, before a row is measured.
    """

    ledger: Ledger
    account: BudgetAccount
    scope: str
    path: Path
    key: bytes
    now: datetime
    note: Callable[[Grant], None] = lambda _: None


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
    """Return the cost of a fit, ρ = μ²/2: its noise is ρ-zCDP, and (ε, δ)-DP by the tighter accounting."""
    return cost_of_rho(mu_of(specification.epsilon, specification.delta) ** 2 / 2)


def expected_scales(specification: AnySpecification) -> set[str]:
    """Return the names of all measurements that a fit makes, each of which has a recorded scale."""
    if isinstance(specification, EventSpecification):
        return history_scales(specification)
    return table_scales(codings(specification), specification.rows_per_unit)


def question_of(specification: AnySpecification, scope: str) -> str:
    """Return the hash by which the ledger knows a fit. `scope` names the rows' version; the same fit costs once."""
    content = {"kind": type(specification).__name__, "specification": specification.model_dump(mode="json"),
               "scope": scope}  # fmt: skip
    return "synthetic:" + hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def fit_table(
    table: pa.Table, specification: Specification, setting: FitSetting, progress: Progress = no_progress
) -> tuple[Model, FitRecord]:
    """Return the private model of a table, see `PrivateTable.fit`, and its record.

    Raises:
        BadSpecification: the table lacks a column, or one has another type. Nothing was spent.
        BudgetRefused, DamagedModel: as `fit_model`.
    """
    require_unit(table.schema, specification.unit)
    require_columns(table.schema, codings(specification))
    return fit_model(specification, lambda: PrivateTable.fit(table, specification, progress), setting)


def fit_history(
    people: pa.Table, events: pa.Table, specification: EventSpecification, setting: FitSetting,
    progress: Progress = no_progress,
) -> tuple[Model, FitRecord]:  # fmt: skip
    """Return the private model of people and their events, see `PrivateHistory.fit`, and its record.

    Raises:
        BadSpecification: a table lacks a column, or one has another type. Nothing was spent.
        BudgetRefused, DamagedModel: as `fit_model`.
    """
    require_event_columns(people.schema, events.schema, specification)
    return fit_model(specification, lambda: PrivateHistory.fit(people, events, specification, progress), setting)


def fit_model(
    specification: AnySpecification, fit: Callable[[], Model], setting: FitSetting
) -> tuple[Model, FitRecord]:
    """Return the model and its record; a model of the same specification and scope is loaded and costs nothing.

    Raises:
        BudgetRefused: the account has no limit, or the fit would exceed it. No row was read.
        DamagedModel: the stored model was changed.
    """
    question = question_of(specification, setting.scope)
    granted = setting.ledger.ask(setting.account, question, cost_of(specification), setting.now)
    if isinstance(granted, Answered):
        record = FitRecord(**json.loads(granted.answer))
        return load_model(setting.path, setting.key, record.model), record
    setting.note(granted)
    model = fit()
    digest = save_model(model, setting.path, setting.key)
    record = FitRecord(
        question, str(setting.account), granted.debit.number, granted.debit.digest, granted.cost.nano_rho,
        specification.epsilon, specification.delta, specification.domain_digest, digest, setting.now.isoformat(),
    )  # fmt: skip
    setting.ledger.record_answer(granted, json.dumps(asdict(record)), setting.now)
    return model, record
