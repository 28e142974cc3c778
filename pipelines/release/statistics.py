"""Answers the question of a statistics release and writes the answer to its table in the layer `release`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from installation.lakehouse_claim import require_own

if TYPE_CHECKING:
    from pipelines.release.declaration import StatisticsRelease
    from pipelines.release.statistics_service import StatisticsService
    from privacy.dp.answer import Answer


def publish(release: StatisticsRelease, service: StatisticsService) -> Answer:
    """Answer the release's question, replace its table by the answer, and return the answer.

    The table has one row per group and statistic, and these columns:

    - one per key (text; null in a total)
    - statistic, value and margin (null if there is too little data), confidence
    - rho, epsilon, delta, period
    - statement: JSON with the levels of the pyramid of NIST SP 800-226

    Raises:
        PrivacyError: the question was refused; the table is unchanged.
        LakehouseClaimedError: the lakehouse belongs to another installation. Nothing was spent.
    """
    require_own(service.installation)
    answer = service.answer(release.question)
    keys = [key.column for key in release.question.group_by]
    rows = pa.Table.from_pylist(list(_rows(answer, keys)), _schema(keys))
    service.lakehouse.overwrite(release.table, service.lakehouse.spark.createDataFrame(rows))
    return answer


def _rows(answer: Answer, keys: list[str]) -> Iterator[dict[str, Any]]:
    statement = answer.statement
    for estimate in answer.estimates:
        yield {
            **{key: estimate.group.get(key) for key in keys},
            "statistic": estimate.statistic,
            "value": estimate.value,
            "margin": estimate.margin,
            "confidence": answer.confidence,
            "rho": statement["rho_zcdp"],
            "epsilon": statement["epsilon"],
            "delta": statement["delta"],
            "period": answer.period,
            "statement": answer.statement_text,
        }


def _schema(keys: list[str]) -> pa.Schema:
    numbers = ("value", "margin", "confidence", "rho", "epsilon", "delta")
    texts = ("period", "statement")
    return pa.schema(
        [*((key, pa.string()) for key in keys), ("statistic", pa.string())]
        + [(name, pa.float64()) for name in numbers]
        + [(name, pa.string()) for name in texts]
    )
