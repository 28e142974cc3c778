"""Checks a fitted model against the ledger and the declared domain. Reads no row."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass

import pyarrow as pa

from privacy.dp.budget_account import BudgetAccount
from privacy.dp.ledger import Ledger
from privacy.synthetic.coding import codings
from privacy.synthetic.event.measurement import SHARES
from privacy.synthetic.event.specification import EventSpecification
from privacy.synthetic.fit import AnySpecification, FitRecord, question_of
from privacy.synthetic.gate.verdict import Check
from privacy.synthetic.marginal.measurement import plan_measurements
from privacy.synthetic.model_file import Model

_SLACK = 1 + 1e-6
_OF_PEOPLE = frozenset({"first", "variety"})
"""Measurements of a history that count each person once. All others have a second noise, for the bound."""


@dataclass(frozen=True)
class FitEvidence:
    """A model and what it is compared with.

    declared: what contract and declaration state now. record: what `fit_model` returned. scope: the rows' version that
    was fitted. digest: SHA-256 of the content of the model's file.
    """

    model: Model
    declared: AnySpecification
    record: FitRecord
    ledger: Ledger
    scope: str
    digest: str


def check_fit(evidence: FitEvidence) -> list[Check]:
    """Return the checks of the budget and of the domain."""
    return [*_debit(evidence), *_noise(evidence), *_domain(evidence)]


def _debit(evidence: FitEvidence) -> list[Check]:
    """Return whether the ledger debited this fit with the recorded cost, and recorded this model as its answer."""
    record = evidence.record
    entry = next((one for one in evidence.ledger.entries() if one.head.number == record.debit), None)
    spend = [record.question, record.nano_rho]
    is_debited = entry is not None and (
        entry.head.digest == record.digest
        and entry.content.get("kind") == "spend"
        and entry.content["spend"][:2] == spend
        and record.account in entry.content["accounts"]
    )
    answer = evidence.ledger.peek(BudgetAccount(*record.account.split("|")), record.question)
    is_recorded = answer is not None and json.loads(answer.answer) == asdict(record)
    is_same = record.model == evidence.digest and record.question == question_of(
        evidence.model.specification, evidence.scope
    )
    return [
        Check("debit", is_debited, f"entry {record.debit} of the ledger {'is' if is_debited else 'is not'} this fit's debit"),
        Check("record", is_recorded and is_same,
              "the ledger names this model" if is_recorded and is_same else "the ledger names another model or no model"),
    ]  # fmt: skip


def _noise(evidence: FitEvidence) -> list[Check]:
    """Return whether the noise of every measurement is recorded, and costs no more than was debited."""
    model, debited = evidence.model, evidence.record.nano_rho / 1e9
    scales, wanted = model.scales, measurement_names(model.specification)
    sensitivity = 1.0 if isinstance(model.specification, EventSpecification) else model.specification.rows_per_unit
    is_finite = all(math.isfinite(scale) and scale > 0 for scale in scales.values())
    spent = sum((sensitivity / scale) ** 2 for scale in scales.values()) / 2 if is_finite else math.inf
    return [
        Check("measurements", scales.keys() == wanted,
              f"noise is recorded for {len(wanted & scales.keys())} of {len(wanted)} measurements, "
              f"and for {len(scales.keys() - wanted)} others"),
        Check("noise", 0 < spent <= debited * _SLACK, f"the noise costs rho {spent:.6g}, the debit was rho {debited:.6g}"),
    ]  # fmt: skip


def _domain(evidence: FitEvidence) -> list[Check]:
    """Return whether the model's domain and guarantee are the declared ones."""
    made, declared = evidence.model.specification, evidence.declared
    is_same = made.domain_digest == declared.domain_digest == evidence.record.domain
    is_within = made.epsilon <= declared.epsilon and made.delta <= declared.delta and _unit(made) == _unit(declared)
    return [
        Check("domain", is_same, "values and bounds are the declared ones" if is_same
              else "values or bounds differ from the contract and the declaration, so they may come from the data"),
        Check("guarantee", is_within, f"epsilon {made.epsilon:g} and delta {made.delta:g} for each {made.unit or 'row'}, "
              f"declared epsilon {declared.epsilon:g} and delta {declared.delta:g} for each {declared.unit or 'row'}"),
    ]  # fmt: skip


def _unit(specification: AnySpecification) -> tuple[str | None, int]:
    rows = 1 if isinstance(specification, EventSpecification) else specification.rows_per_unit
    return specification.unit, rows


def measurement_names(specification: AnySpecification) -> set[str]:
    """Return the names of all measurements that a fit of this specification makes."""
    if not isinstance(specification, EventSpecification):
        plan = plan_measurements(codings(specification), specification.rows_per_unit)
        return {"*".join(clique) for clique in plan.shares}
    from privacy.synthetic.event.measurement import VISIT_BINS, VISITS
    from privacy.synthetic.specification import Number

    visits = Number(minimum=0, maximum=VISIT_BINS - 1, bins=VISIT_BINS, decimals=0)
    people = {f"people:{name}" for name in measurement_names(specification.of_people({VISITS: visits}))}
    plain = SHARES.keys() - {"people", "number", "order"} - _OF_PEOPLE
    columns = [f"number:{name}" for name in specification.numbers] + [
        f"order:{name}" for name in specification.order_columns
    ]
    return people | _OF_PEOPLE | {f"{name}:{part}" for name in (*plain, *columns) for part in (0, 1)}


def check_origin(published: pa.Table, sample: Callable[[], pa.Table]) -> Check:
    """Return whether the published rows are those that the model gives for the recorded seed, and nothing else."""
    is_same = bool(published.equals(sample().select(published.column_names)))
    return Check("origin", is_same, "the model gives exactly these rows for the recorded seed" if is_same
                 else "the rows are not those that the model gives for the recorded seed")  # fmt: skip
