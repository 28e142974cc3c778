"""Judges synthetic rows: scores, attacks and the release gate, in one report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from pipelines.synthetic.model_folder import ModelFolder
from pipelines.synthetic.person_split import Sides
from pipelines.synthetic.service import Fitted
from privacy.dp.ledger import Ledger
from privacy.storage.atomic_file import replace_public
from privacy.synthetic.evaluation.table_form import TableForm
from privacy.synthetic.event.specification import EventSpecification
from privacy.synthetic.fit import AnySpecification, expected_scales
from privacy.synthetic.gate import Gate, check_attacks, check_budget, check_domain


@dataclass(frozen=True)
class Judgement:
    """The verdict of the gate, the real rows that it compared, and the report. They state figures of real rows, so they are for the privacy office."""

    gate: Gate
    sides: Sides
    report: dict[str, Any]

    def save(self, folder: ModelFolder) -> None:
        """Write the report into the model's folder."""
        replace_public(folder.report.with_suffix(".json"), json.dumps(self.report, ensure_ascii=False, indent=1))


def judge(
    fitted: Fitted, declared: AnySpecification, sides: Sides, people: pa.Table, events: pa.Table | None, ledger: Ledger, *,
    title: str, secrets: Sequence[str] = (), target: str | None = None,
) -> Judgement:  # fmt: skip
    """Return the judgement of synthetic rows."""
    model = fitted.model
    checks = check_budget(model.scales, expected_scales(model.specification), fitted.record, ledger)
    checks += check_domain(model.specification, declared, fitted.record)
    spec = model.specification
    form = spec.of_people({}) if isinstance(spec, EventSpecification) else spec
    three = [TableForm(table, form) for table in (sides.learned.people, sides.held_out.people, people)]
    attacks, risks = check_attacks(*three, secrets)
    gate = Gate((*checks, *attacks))
    found = {"checks": [asdict(one) for one in gate.checks], "risks": [asdict(one) for one in risks]}
    return Judgement(gate, sides, {"title": title, **found})
