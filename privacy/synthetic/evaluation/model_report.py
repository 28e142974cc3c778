"""Measures the rows of a fitted private model, with the attacks that need the model: more samples, and fits of others.

Shadow models and canaries are fitted with the same noise, and are thrown away. They are debited from no budget, since
nothing of them is published: the report, which has their result, is not private (see `report`).
"""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from privacy.synthetic.evaluation.evaluate import evaluate_table
from privacy.synthetic.evaluation.evaluate_history import HistoryGenerator, evaluate_history
from privacy.synthetic.evaluation.history_form import Histories
from privacy.synthetic.evaluation.options import Options
from privacy.synthetic.evaluation.report import Report
from privacy.synthetic.event.private_history import PrivateHistory
from privacy.synthetic.private_table import PrivateTable


def report_table(
    model: PrivateTable, train: pa.Table, holdout: pa.Table, synthetic: pa.Table, options: Options, title: str
) -> Report:
    """Return the report of rows of a table's model; see `evaluate_table`."""
    # A shadow model is fitted to rows without the person's identifier, and with noise for as many rows of a person.
    specification = model.specification.model_copy(update={"unit": None})

    def sampler(rows: int, seed: int) -> pa.Table:
        return pa.concat_tables(model.sample(rows, seed))

    def refit(table: pa.Table, seed: int) -> pa.Table:
        return pa.concat_tables(PrivateTable.fit(table, specification).sample(table.num_rows, seed))

    more = replace(options, sampler=sampler, refit=refit)
    return evaluate_table(train, holdout, synthetic, model.specification, more, model.guarantee, title)


def report_history(
    model: PrivateHistory, train: Histories, holdout: Histories, synthetic: Histories, options: Options, title: str
) -> Report:
    """Return the report of people and events of a history's model; see `evaluate_history`."""
    specification = model.specification

    def refit(histories: Histories, seed: int) -> Histories:
        again = PrivateHistory.fit(histories.people, histories.events, specification)
        return draw_history(again, histories.people.num_rows, seed)

    generator = HistoryGenerator(lambda people, seed: draw_history(model, people, seed), refit)
    return evaluate_history(train, holdout, synthetic, specification, options, generator, model.guarantee, title)


def draw_history(model: PrivateHistory, people: int | None, seed: int) -> Histories:
    """Return people with their events, drawn from a model."""
    tables = list(model.sample(people, seed))
    return Histories(pa.concat_tables(one for one, _ in tables), pa.concat_tables(other for _, other in tables))
