"""Judges synthetic rows: scores, attacks and the release gate, in one report."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pipelines.synthetic.model_folder import ModelFolder
from pipelines.synthetic.person_split import Sides
from pipelines.synthetic.sampling import draw
from pipelines.synthetic.service import Fitted, SyntheticService
from pipelines.synthetic.source import Source
from privacy.dp.ledger import Ledger
from privacy.storage.atomic_file import replace_public
from privacy.synthetic.evaluation.evaluate import evaluate_table
from privacy.synthetic.evaluation.options import Options
from privacy.synthetic.evaluation.report import Report
from privacy.synthetic.event.private_history import PrivateHistory
from privacy.synthetic.gate.fit_check import FitEvidence
from privacy.synthetic.gate.judgement import judge_release
from privacy.synthetic.gate.verdict import Check, Gate
from privacy.synthetic.private_table import PrivateTable


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
        return page


def judge_model(service: SyntheticService, folder: ModelFolder, question: Question, seed: int) -> Judgement:
    """Return the judgement of as many rows as a saved model was learned from.

    Raises:
        SettingsError: there is no such model, or its files have changed since the fit.
        DamagedModel: the model was changed or is missing, or the ledger has no record of its fit.
    """
    fitted = service.open(folder)
    source = service.source(folder, fitted)
    rows = draw(fitted.model, None, seed)
    return judge(fitted, source, service.sides(source), rows, service.installation.ledger, question)


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
    report = _evaluated(model, sides, rows, question)
    evidence = FitEvidence(model, source.specification, fitted.record, ledger, source.form.scope)
    gate = judge_release(report, evidence, further)
    return Judgement(report.with_gate(gate), gate, sides)


def _evaluated(
    model: PrivateTable | PrivateHistory, sides: Sides, rows: Sequence[pa.Table], question: Question
) -> Report:
    options = Options(
        target=question.target, secrets=question.attacked, shadow_models=question.shadow_models,
        canaries=question.canaries, progress=question.progress,
    )  # fmt: skip
    spec = model.specification.of_people({}) if isinstance(model, PrivateHistory) else model.specification
    return evaluate_table(
        sides.learned.people, sides.held_out.people, rows[0], spec, options, model.guarantee, question.title
    )
