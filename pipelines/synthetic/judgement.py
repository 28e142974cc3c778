"""Judges synthetic rows: scores, attacks and the release gate, in one report."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.synthetic.model_folder import ModelFolder
from pipelines.synthetic.person_split import Rows, Sides
from pipelines.synthetic.sampling import draw
from pipelines.synthetic.service import Fitted, SyntheticService
from pipelines.synthetic.source import Source
from privacy.dp.ledger import Ledger
from privacy.storage.atomic_file import replace_public
from privacy.synthetic.constraint import violations
from privacy.synthetic.evaluation.evaluate import evaluate_table
from privacy.synthetic.evaluation.evaluate_history import evaluate_history
from privacy.synthetic.evaluation.history_form import Histories
from privacy.synthetic.evaluation.model_report import report_history, report_table
from privacy.synthetic.evaluation.options import Options
from privacy.synthetic.evaluation.page import render_page
from privacy.synthetic.evaluation.report import Report
from privacy.synthetic.event.private_history import PrivateHistory
from privacy.synthetic.event.specification import EventSpecification
from privacy.synthetic.fit import AnySpecification
from privacy.synthetic.gate.fit_check import FitEvidence
from privacy.synthetic.gate.judgement import judge_release, judge_rows
from privacy.synthetic.model_file import Model
from privacy.synthetic.private_table import PrivateTable
from privacy.synthetic.sdv.sdv_history import SdvHistory
from privacy.synthetic.sdv.sdv_table import SdvTable
from privacy.synthetic.verdict import Check, Gate


@dataclass(frozen=True)
class Question:
    """What a report is asked. See `privacy.synthetic.evaluation.options.Options` for the meaning.

    `shadow_models` and `canaries` fit the model again, which takes as long as the fit each time; 0 leaves them out.
    """

    title: str
    target: str | None = None
    attacked: Sequence[str] = ()
    shadow_models: int = 0
    canaries: int = 0
    progress: Callable[[str], None] = lambda _: None


@dataclass(frozen=True)
class Judgement:
    """The report with the verdict of the gate, and the real rows that were compared.

    A report states figures of real rows without noise, so it is for the privacy office and is never published.
    """

    report: Report
    gate: Gate
    sides: Sides

    def save(self, folder: Path) -> Path:
        """Write the report into a folder, as a page and as JSON; return the page."""
        page = folder / "report.html"
        text = json.dumps(self.report.to_json(), ensure_ascii=False, indent=1)
        replace_public(page.with_suffix(".json"), text)
        replace_public(page, render_page(self.report))
        return page


def judge_model(service: SyntheticService, folder: ModelFolder, question: Question, seed: int) -> Judgement:
    """Return the judgement of as many rows as a saved model was learned from.

    Raises:
        SettingsError: there is no such model, or its files have changed since the fit.
        PrivacyError: the role may not state the purpose, or the use cannot be logged.
        DamagedModel: the model was changed or is missing, or the ledger has no record of its fit.
    """
    fitted = service.open(folder)
    source = service.source(folder, fitted)
    rows = draw(fitted.model, None, seed)
    return judge(fitted, source, service.sides_to_judge(source), rows, service.installation.ledger, question)


def judge(
    fitted: Fitted, source: Source, sides: Sides, rows: Sequence[pa.Table], ledger: Ledger, question: Question,
    further: Sequence[Check] = (),
) -> Judgement:  # fmt: skip
    """Return the judgement of synthetic rows: of people, and of their events if there are any.

    Args:
        fitted: the model and the ledger's record of its fit.
        source: where the rows came from, with the domain that is declared now.
        sides: the rows that were learned from, and those that were held out.
        rows: the synthetic table, or the tables of people and of their events.
        ledger: the privacy ledger, which must have debited the fit.
        question: what the report is asked.
        further: checks of the caller.
    """
    model = fitted.model
    question.progress("checking the fit")
    report = _evaluated(model, sides, rows, question)
    evidence = FitEvidence(model, source.specification, fitted.record, ledger, source.form.scope)
    gate = judge_release(report, evidence, [*_kept_promises(model.specification, rows), *further])
    return Judgement(report.with_gate(gate), gate, sides)


def judge_unproven(
    model: SdvTable | SdvHistory, sides: Sides, rows: Sequence[pa.Table], question: Question
) -> Judgement:
    """Return the judgement of rows of a synthesizer without a guarantee: attacks and promises, no budget, no domain."""
    report = _evaluated(model, sides, rows, question)
    checks = Gate((*judge_rows(report).checks, *_kept_promises(model.specification, rows)))
    return Judgement(report.with_gate(checks), checks, sides)


def _evaluated(
    model: Model | SdvTable | SdvHistory, sides: Sides, rows: Sequence[pa.Table], question: Question
) -> Report:
    options = Options(
        target=question.target, secrets=question.attacked, shadow_models=question.shadow_models,
        canaries=question.canaries, progress=question.progress,
    )  # fmt: skip
    if isinstance(model, PrivateTable | SdvTable):
        tables = (sides.learned.people, sides.held_out.people, rows[0])
        if isinstance(model, PrivateTable):
            return report_table(model, *tables, options, question.title)
        options = replace(options, sampler=lambda count, seed: draw(model, count, seed)[0])
        return evaluate_table(*tables, model.specification, options, model.guarantee, question.title)
    histories = (_histories(sides.learned), _histories(sides.held_out), Histories(*rows))
    if isinstance(model, PrivateHistory):
        return report_history(model, *histories, options, question.title)
    return evaluate_history(*histories, model.specification, options, None, model.guarantee, question.title)


def _histories(rows: Rows) -> Histories:
    if rows.events is None:
        raise ValueError("people without a table of events; a history needs both")
    return Histories(rows.people, rows.events)


def _kept_promises(specification: AnySpecification, rows: Sequence[pa.Table]) -> list[Check]:
    """Return whether every row meets the constraints, and every event belongs to one person."""
    checks = []
    if specification.constraints:
        form = specification.of_people({}) if isinstance(specification, EventSpecification) else specification
        broken = {rule: count for rule, count in violations(rows[0], form).items() if count}
        found = "; ".join(f"{count} rows break {rule}" for rule, count in broken.items()) or "every row meets them"
        checks.append(Check("constraints", not broken, found))
    if isinstance(specification, EventSpecification):
        unit = specification.unit
        orphans = pc.invert(pc.is_in(rows[1][unit].combine_chunks(), rows[0][unit].combine_chunks()))
        lost, twice = pc.sum(orphans).as_py() or 0, rows[0].num_rows - len(rows[0][unit].unique())
        found = f"{lost} events belong to nobody, {twice} people have the id of another"
        checks.append(Check("keys", lost == 0 and twice == 0, found))
    return checks
