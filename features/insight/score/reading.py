"""Reads the scores of one customer for a role and a purpose, with their explanation: permitted and logged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from features.insight.score.explanation import ExplainedScore, explain_scores, models_of
from features.insight.score.model_table import TABLE as MODELS
from features.insight.score.score_row import INPUT, TABLE
from installation.installation import Installation


@dataclass(frozen=True)
class CustomerScores:
    """The newest scores of a customer. `as_of` is None where the customer has none or does not permit the purpose."""

    customer: str
    as_of: date | None = None
    scores: tuple[ExplainedScore, ...] = ()


def read_scores(installation: Installation, customer: str, role: str, purpose: str, who: str) -> CustomerScores:
    """Return the newest scores of a customer with their explanation. Both reads are in the audit log.

    The answer does not tell whether a customer has no scores or permits no use.

    Raises:
        AccessRefused: the role may not read the scores or the measures for this purpose.
        AuditError: the read could not be logged.
        LakehouseError: there are no scores yet.
    """
    reader = installation.table_reader(who)
    scored: pa.Table = reader.read(TABLE, role, purpose, customer=customer).frame
    if scored.num_rows == 0:
        return CustomerScores(customer)
    row = scored.sort_by([("as_of", "descending")]).slice(0, 1).to_pylist()[0]
    where = f"as_of = '{row['as_of'].isoformat()}'"
    measures: pa.Table = reader.read(INPUT, role, purpose, where=where, customer=customer).frame
    if measures.num_rows == 0:
        return CustomerScores(customer)
    models = models_of(row, installation.lakehouse.rows(MODELS, ["model_id", "parameters"]).to_pylist())
    return CustomerScores(customer, row["as_of"], tuple(explain_scores(row, measures, models)))
