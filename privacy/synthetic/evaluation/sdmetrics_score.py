"""SDMetrics' quality and diagnostic scores. The package is optional: its part `copulas` is under the BUSL-1.1."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import pandas as pd

from privacy.synthetic.evaluation.report import Score
from privacy.synthetic.number_coding import NumberCoding
from privacy.synthetic.table_form import TableForm

_TEXTS = {
    "quality": ("SDMetrics quality", "Shapes of columns and trends of pairs by SDMetrics; 1 is best. Independent "
                "columns score high as well, so compare with them."),
    "diagnostic": ("SDMetrics diagnostic", "Whether values lie within the real ranges and categories; 1 is best."),
}  # fmt: skip
NOT_INSTALLED = "not computed: install bojagi[sdv]"


def sdmetrics_scores(train: TableForm, tables: Sequence[TableForm]) -> list[Score]:
    """Return both scores of the synthetic rows, the hold-out and independent columns; without the package none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from sdmetrics.reports.single_table import DiagnosticReport, QualityReport
    except ImportError:
        return [Score(name, *text, True, missing=NOT_INSTALLED) for name, text in _TEXTS.items()]
    found = []
    for name, report in {"quality": QualityReport, "diagnostic": DiagnosticReport}.items():
        values = [_score(report(), train, table) for table in tables]
        found.append(Score.of(name, *_TEXTS[name], True, values))
    return found


def _score(report: Any, train: TableForm, table: TableForm) -> float:
    kinds = {name: {"sdtype": "numerical" if isinstance(coding, NumberCoding) else "categorical"}
             for name, coding in train.columns.items()}  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report.generate(_frame(train), _frame(table), {"columns": kinds}, verbose=False)
    return float(report.get_score())


def _frame(form: TableForm) -> pd.DataFrame:
    """Return numbers as numbers, and categories as text."""
    columns = {}
    for index, (name, coding) in enumerate(form.columns.items()):
        is_number = isinstance(coding, NumberCoding)
        columns[name] = (
            form.numbers[:, index] if is_number else form.table[name].cast("string").to_pandas().astype(object)
        )
    return pd.DataFrame(columns)
