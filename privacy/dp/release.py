"""Answers a question in the safe order: plan, look for a stored answer, aggregate, debit, draw noise, store.

Exact aggregates leave this module only with noise. The debit is on the disk before the first noise is drawn. A question
that does not fit the columns' types is refused before a row is read and costs nothing. If the engine fails on the rows,
the question is debited and ends with one constant message, because whether it fails depends on the rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from privacy.dp.answer import Answer
from privacy.dp.bounded import SUMS, aggregate, contributions
from privacy.dp.errors import BadQuestion, DpError, QuestionFailed
from privacy.dp.ledger import Ledger
from privacy.dp.ledger_answer import Answered
from privacy.dp.mechanism import add_gaussian, select_keys
from privacy.dp.noise_plan import NoisePlan
from privacy.dp.question import Question
from privacy.dp.render import NoisyTable, render
from privacy.dp.trail import Trail

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Group = tuple[str, ...]
Form = TypeVar("Form", bound=BaseModel)
Exact = dict[Group, dict[str, int]]


@dataclass(frozen=True)
class DataSet:
    """The rows that questions are about. `bounded.lay_out` makes it faster.

    `scope`: which rows of the data set these are, if not all; a text that does not depend on the rows.

    `view_of`: None if `frame` has rows. Otherwise `frame` is the `bounded_view` of that question, and answers only
    questions of the same shape (rows, keys, measure and bounds), with other statistics, ρ or order.
    """

    frame: DataFrame
    scope: str = ""
    view_of: Question | None = None


def read_question(form: Mapping[str, object]) -> Question:
    """Return plain data from YAML, JSON or SQL as a question.

    Raises:
        BadQuestion: lists every fault and its field.
    """
    return read_form(Question, form)


def read_form(kind: type[Form], form: Mapping[str, object]) -> Form:
    """Return plain data as a model of the given class.

    Raises:
        BadQuestion: lists every fault and its field.
    """
    try:
        return kind.model_validate(form)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, e['loc'])) or 'question'}: {e['msg']}" for e in error.errors()]
        raise BadQuestion("; ".join(faults)) from error


def release(question: Question, data: DataSet, ledger: Ledger, now: datetime, trail: Trail | None = None) -> Answer:
    """Answer a question with differential privacy. With a `trail`, releases and refusals are in the audit log.

    Guarantee: the answers of one account are, together, δ-approximate ρ-zCDP with ρ and δ not above the
    account's limits, for data sets that differ in all rows of one customer. The same question in the same period
    (`Question.repeat`) gets the stored answer, whatever the rows are then.

    Raises:
        BudgetRefused: the cost would exceed a limit; nothing was spent.
        BadQuestion: a column is missing or has the wrong type; nothing was spent.
        QuestionFailed: the engine failed on the rows; the cost was debited.
        LedgerDamaged: the ledger lacks the debit of the last logged release.
        AuditError: the release could not be logged; nothing was released, the debit stays.
    """
    plan, account = NoisePlan(question), question.account
    if trail is not None:
        trail.require_paid(ledger)
    period = question.period(now)
    identity = question.hash(period, data.scope)
    stored = ledger.peek(account, identity)
    if stored is not None:
        return _again(question, stored, trail)
    try:
        # Checks the budget before the pass over the rows, because a refusal afterwards would waste that pass.
        ledger.require(account, plan.cost, now)
        found = _exact(question, data)
        granted = ledger.ask(account, identity, plan.cost, now)
    except DpError as error:
        if trail is not None:
            trail.note_refusal(question, error.message)
        raise
    if isinstance(granted, Answered):
        return _again(question, granted, trail)
    if trail is not None:
        trail.note(question, granted, failed=found is None)
    if found is None:
        # `from None`: the engine's error may hold values of a row.
        raise QuestionFailed from None
    answer = render(plan, add_noise(plan, *found), identity, period)
    ledger.record_answer(granted, answer.model_dump_json(), now)
    return answer


def bounded_view(question: Question, frame: DataFrame) -> DataFrame:
    """Return exact aggregates by group, bounded for questions of this shape, to be stored and used many times.

    Grain: one row per group. Columns: `k0`, `k1`, … (text), `customers`, `n`, `s`, `q` (whole numbers). The view
    reveals single customers: protect it like the rows, and make it again when a customer's rows are erased.

    Raises:
        BadQuestion: the question asks for quantiles, which need the values themselves.
    """
    if "quantiles" in question.statistics:
        raise BadQuestion("quantiles need the values, but a bounded view holds counts and sums; ask the table itself")
    # Customers are always counted, because later questions may need their number.
    whole = question.model_copy(update={"statistics": ("customers", *set(question.statistics) - {"customers"})})
    return aggregate(contributions(frame, whole), len(question.group_by))


def collect(question: Question, frame: DataFrame) -> tuple[Exact, Exact]:
    """Return exact aggregates by group, and by group and quantile bin. Only `add_noise` may use them."""
    exact = {} if question.statistics == ("quantiles",) else _collect(question, frame)
    bins = _collect(_by_bin(question), frame, draws_rows=True) if "quantiles" in question.statistics else {}
    return exact, bins


def add_noise(plan: NoisePlan, exact: Exact, bins: Exact) -> NoisyTable:
    """Return all vectors of the plan with noise. No other function passes exact numbers to OpenDP."""
    question = plan.question
    if question.is_private:
        groups: list[Group] = _selected(plan, exact)
    else:
        groups = question.cells()
    levels = []
    for level in plan.levels:
        cells = list(dict.fromkeys(group[:level] for group in groups))
        noisy = {}
        for name in plan.names:
            if name != "bins":
                vector = plan.vector(name, level)
                values = _sums(exact, cells, level, name)
                noisy[name] = dict(zip(cells, add_gaussian(values, vector.l2_sensitivity, vector.rho)[0], strict=True))
        levels.append(noisy)
    histogram: dict[Group, list[int]] = {}
    if "bins" in plan.names:
        vector = plan.vector("bins")
        places = [(*group, label) for group, label in product(groups, question.bin_key().public_values())]
        counts = _sums(bins, places, len(question.group_by) + 1, "n")
        values, _ = add_gaussian(counts, vector.l2_sensitivity, vector.rho)
        for place, value in zip(places, values, strict=True):
            histogram.setdefault(place[:-1], []).append(value)
    return NoisyTable(groups, levels, histogram)


def _again(question: Question, stored: Answered, trail: Trail | None) -> Answer:
    if trail is not None:
        trail.note_repeat(question, stored)
    return Answer.model_validate_json(stored.answer)


def _exact(question: Question, data: DataSet) -> tuple[Exact, Exact] | None:
    """Return the exact aggregates, and those by bin; None if the engine fails on the rows."""
    is_view = data.view_of is not None
    if data.view_of is not None and (data.view_of.shape() != question.shape() or "quantiles" in question.statistics):
        raise BadQuestion("the bounded view was made for other rows, keys, measure or bounds; ask the table itself")
    try:
        return (_by_group(question, data.frame), {}) if is_view else collect(question, data.frame)
    except DpError:
        # Raised from the question and the columns' types alone, before a row is read.
        raise
    except Exception:  # noqa: BLE001 - every engine has errors of its own, and each may depend on a row
        return None


def _collect(question: Question, frame: DataFrame, draws_rows: bool = False) -> Exact:
    pairs = contributions(frame, question, draws_rows)
    return _by_group(question, aggregate(pairs, len(question.group_by)))


def _by_group(question: Question, cells: DataFrame) -> Exact:
    keys = len(question.group_by)
    # collect(), because toArrow() asks the engine for the schema first, one more round trip.
    return {
        tuple(row[:keys]): {name: int(value or 0) for name, value in zip(SUMS, row[keys:], strict=True)}
        for row in cells.collect()
    }


def _sums(exact: Exact, cells: list[Group], level: int, name: str) -> list[int]:
    found = dict.fromkeys(cells, 0)
    for group, row in exact.items():
        if group[:level] in found:
            found[group[:level]] += row[name]
    return list(found.values())


def _selected(plan: NoisePlan, exact: Exact) -> list[Group]:
    counts = {json.dumps(group): row["customers"] for group, row in exact.items()}
    found, _, _ = select_keys(counts, plan.bounds.groups, plan.share, plan.question.delta)
    return sorted(tuple(json.loads(key)) for key in found)


def _by_bin(question: Question) -> Question:
    return question.model_copy(
        update={"group_by": (*question.group_by, question.bin_key()), "measure": None, "statistics": ("count",)}
    )
