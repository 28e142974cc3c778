"""Checks a fitted model against the ledger and the declared domain. Reads no row."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass

from privacy.dp.budget_account import BudgetAccount
from privacy.dp.ledger import Ledger
from privacy.synthetic.accounting import spent_mu
from privacy.synthetic.event.specification import EventSpecification
from privacy.synthetic.fit import AnySpecification, FitRecord, expected_scales, question_of
from privacy.synthetic.model_file import Model, model_digest
from privacy.synthetic.verdict import Check

_SLACK = 1 + 1e-6


@dataclass(frozen=True)
class FitEvidence:
    """A fitted model and what it is compared with.

    declared: what contract and declaration state now. record: what `fit_model` returned. scope: the version of the rows
    that were fitted.
    """

    model: Model
    declared: AnySpecification
    record: FitRecord
    ledger: Ledger
    scope: str


def check_fit(evidence: FitEvidence) -> list[Check]:
    """Return the checks of the debit, of the recorded noise and of the domain."""
    return [_debit(evidence), _record(evidence), *_noise(evidence), *_domain(evidence)]


def _debit(evidence: FitEvidence) -> Check:
    """Return whether the ledger debited this fit from its account, with the recorded cost."""
    record = evidence.record
    entry = next((one for one in evidence.ledger.entries() if one.head.number == record.debit), None)
    is_debited = (
        entry is not None
        and entry.head.digest == record.digest
        and entry.content.get("kind") == "spend"
        and entry.content["spend"][:2] == [record.question, record.nano_rho]
        and record.account in entry.content["accounts"]
    )
    verb = "is" if is_debited else "is not"
    return Check("debit", is_debited, f"entry {record.debit} of the ledger {verb} the debit of this fit")


def _record(evidence: FitEvidence) -> Check:
    """Return whether the ledger recorded this model as the result of this question."""
    record, model = evidence.record, evidence.model
    answer = evidence.ledger.peek(BudgetAccount(*record.account.split("|")), record.question)
    is_same = (
        answer is not None
        and json.loads(answer.answer) == asdict(record)
        and record.model == model_digest(model)
        and record.question == question_of(model.specification, evidence.scope)
    )
    return Check("record", is_same, f"the ledger names {'this model' if is_same else 'another model, or none'}")


def _noise(evidence: FitEvidence) -> list[Check]:
    """Return whether the noise of every measurement is recorded, and costs no more than was debited."""
    scales, debited = evidence.model.scales, evidence.record.nano_rho / 1e9
    wanted = expected_scales(evidence.model.specification)
    is_finite = bool(scales) and all(math.isfinite(scale) and scale > 0 for scale in scales.values())
    spent = spent_mu(scales.values()) ** 2 / 2 if is_finite else math.inf
    known = len(wanted & scales.keys())
    counted = f"noise is recorded for {known} of {len(wanted)} measurements and for {len(scales) - known} others"
    costs = f"the noise costs rho {spent:.6g}, the debit was rho {debited:.6g}"
    return [Check("measurements", scales.keys() == wanted, counted), Check("noise", spent <= debited * _SLACK, costs)]


def _domain(evidence: FitEvidence) -> list[Check]:
    """Return whether the model's domain, guarantee and privacy unit are the declared ones."""
    made, declared = evidence.model.specification, evidence.declared
    is_same = made.domain_digest == declared.domain_digest == evidence.record.domain
    is_within = made.epsilon <= declared.epsilon and made.delta <= declared.delta and _unit(made) == _unit(declared)
    found = (
        "values and bounds are the declared ones"
        if is_same
        else "values or bounds differ from the contract and the declaration, so they may come from the data"
    )
    return [
        Check("domain", is_same, found),
        Check("guarantee", is_within, f"{_stated(made)}; declared: {_stated(declared)}"),
    ]


def _stated(specification: AnySpecification) -> str:
    unit, rows = _unit(specification)
    whose = "each row" if unit is None else f"each {unit}" + (f" with at most {rows} rows" if rows else "")
    return f"epsilon {specification.epsilon:g} and delta {specification.delta:g} for {whose}"


def _unit(specification: AnySpecification) -> tuple[str | None, int | None]:
    rows = None if isinstance(specification, EventSpecification) else specification.rows_per_unit
    return specification.unit, rows
