"""Measures synthetic rows of one table: scores and attacks, each beside its references."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from privacy.synthetic.errors import BadSpecification
from privacy.synthetic.evaluation.disclosure import attack_table
from privacy.synthetic.evaluation.options import Options, Progress
from privacy.synthetic.evaluation.report import Report, Score
from privacy.synthetic.evaluation.score import association, detection, downstream, k_marginals, shapes
from privacy.synthetic.evaluation.sdmetrics_score import sdmetrics_scores
from privacy.synthetic.specification import Category, ColumnSpec, Specification
from privacy.synthetic.synthesizer import Guarantee
from privacy.synthetic.table_form import TableForm, independent_columns

LEAST_ROWS = 10
"""Least rows of each table; trees that are fitted and tested in three parts need some of each kind."""


def evaluate_table(
    train: pa.Table, holdout: pa.Table, synthetic: pa.Table, specification: Specification,
    options: Options | None = None, guarantee: Guarantee | None = None, title: str = "Synthetic data",
) -> Report:  # fmt: skip
    """Return the report of synthetic rows.

    `train` holds the rows that were learned from; `holdout` holds rows of other people, chosen at random, that were
    not. Both may have more columns than the specification, such as identifiers, which are searched for.

    Raises:
        BadSpecification: a table lacks a column of the specification, or has no row.
    """
    options = options or Options()
    tables = {"train": train, "holdout": holdout, "synthetic": synthetic}
    forms = {name: table_form(table, specification, name) for name, table in tables.items()}
    target = options.target or default_target(specification.columns)
    scores = table_scores(forms, target, options.seed, options.progress)
    disclosure = attack_table(forms, options, options.secrets or ([target] if target else []), tables)
    return Report(
        title, {name: form.rows for name, form in forms.items()}, scores, disclosure,
        shapes(forms["train"], forms["synthetic"]), guarantee,
    )  # fmt: skip


def table_form(table: pa.Table, specification: Specification, name: str) -> TableForm:
    """Return the columns of a table that the specification names.

    Raises:
        BadSpecification: the table lacks a column, or has no row.
    """
    if absent := [column for column in specification.columns if column not in table.column_names]:
        raise BadSpecification(f"the {name} table has no columns {absent}; it has {sorted(table.column_names)}")
    require_rows(table.num_rows, name)
    return TableForm(table.select(list(specification.columns)), specification)


def require_rows(rows: int, name: str) -> None:
    """Check that a table has enough rows for the scores, or raise `BadSpecification`."""
    if rows < LEAST_ROWS:
        raise BadSpecification(f"the {name} table has fewer than {LEAST_ROWS} rows, so nothing can be compared")


def table_scores(
    forms: Mapping[str, TableForm], target: str | None, seed: int, progress: Progress = lambda _: None
) -> list[Score]:
    """Return the scores of the synthetic rows and of both references against the training rows.

    All three have the same number of rows, since a small sample differs more from the training rows by chance.
    """
    train = forms["train"]
    rows = min(forms["holdout"].rows, forms["synthetic"].rows)
    three = [forms["synthetic"].sample(rows, seed), forms["holdout"].sample(rows, seed),
             independent_columns(train.sample(rows, seed), seed)]  # fmt: skip
    found = []
    for size, word in ((2, "pairs of columns"), (3, "triples of columns")):
        if size <= len(train.columns):
            progress(f"comparing {word}")
            meaning = f"How alike the shares of {word} are; 1,000 is equal. NIST's challenges score triples."
            found.append(Score.of(f"{size}-marginals", f"Likeness of {word}", meaning, True,
                                [1000 * k_marginals(train, one, size) for one in three]))  # fmt: skip
    found.append(Score.of("association", "Relations between columns",
                        "How alike the strength of the relation of each pair is (Cramér's V); 1 is equal.", True,
                        [association(train, one) for one in three]))  # fmt: skip
    progress("telling real from synthetic rows")
    found.append(Score.of("pMSE", "Telling real from synthetic rows",
                        "How well a trained model tells real from synthetic rows; 0 is not at all, 1 is always.", False,
                        [detection(train, one, seed) for one in three]))  # fmt: skip
    if target is not None:
        progress(f"predicting {target}")
        meaning = (f"How well a model that is trained on the rows predicts {target} of real people it never saw (AUC); "
                   "0.5 is guessing. Beside it stands the same model trained on real rows.")  # fmt: skip
        models = [forms["synthetic"], train, independent_columns(train, seed)]
        found.append(Score.of("downstream", f"Predicting {target}", meaning, True,
                            [downstream(one, forms["holdout"], target, seed) for one in models]))  # fmt: skip
    progress("computing SDMetrics' scores")
    return [*found, *sdmetrics_scores(train, three)]


def default_target(columns: Mapping[str, ColumnSpec]) -> str | None:
    """Return the last category of several columns; None if there is none."""
    categories = [name for name, spec in columns.items() if isinstance(spec, Category)]
    return categories[-1] if len(columns) > 1 and categories else None
