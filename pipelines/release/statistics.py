"""The regular reports: questions kept as files, their answers kept as tables of the layer `release`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import yaml

from pipelines.release import LAYER
from privacy.dp.errors import BadQuestion

if TYPE_CHECKING:
    from pipelines.release.statistics_service import StatisticsDesk
    from privacy.dp.answer import Answer
    from privacy.dp.question import Question


@dataclass(frozen=True)
class Report:
    """A question that is asked again and again; on data that has not changed its answer costs nothing."""

    name: str
    title: str
    form: Mapping[str, Any]

    @property
    def dataset(self) -> str:
        """The table that is asked about."""
        return str(self.form["dataset"])

    @cached_property
    def question(self) -> Question:
        """The question. Read when it is asked: definitions are loaded without the mechanisms.

        Raises:
            BadQuestion: with every fault and its place.
        """
        from privacy.dp.release import read_question

        return read_question(self.form)

    @property
    def table(self) -> str:
        """The table that holds the newest answer."""
        return f"{LAYER}/{self.name}"


@cache
def built_in_reports() -> tuple[Report, ...]:
    """The reports of `pipelines/reports/`, by name.

    Raises:
        BadQuestion: a file is no report.
    """
    folder = resources.files("pipelines.reports")
    return tuple(_read(Path(str(path))) for path in sorted(folder.iterdir(), key=str) if path.name.endswith(".yaml"))


def publish(report: Report, desk: StatisticsDesk) -> Answer:
    """Ask the report's question and replace its table by the answer; return the answer.

    Grain of the table: one row a group and statistic. Columns: one a key (text; null in a total), statistic, value and
    margin (null where noise drowned it), confidence, rho, epsilon, delta, dataset_version, statement (JSON of NIST
    SP 800-226's pyramid).

    Raises:
        PrivacyError: the question was refused; the table stays as it was.
    """
    answer = desk.answer(report.question)
    keys = [key.column for key in report.question.group_by]
    rows = pa.Table.from_pylist(list(_rows(answer, keys)), _schema(keys))
    desk.lakehouse.overwrite(report.table, desk.lakehouse.spark.createDataFrame(rows))
    return answer


def _read(path: Path) -> Report:
    form: Any = yaml.safe_load(path.read_text("utf-8"))
    if not isinstance(form, dict) or form.keys() != {"title", "question"} or "dataset" not in form["question"]:
        raise BadQuestion(f"{path.name}: expected a title and a question with a dataset")
    return Report(path.stem, form["title"], form["question"])


def _rows(answer: Answer, keys: list[str]) -> Iterator[dict[str, Any]]:
    told = answer.statement
    for estimate in answer.estimates:
        yield {
            **{key: estimate.group.get(key) for key in keys},
            "statistic": estimate.statistic,
            "value": estimate.value,
            "margin": estimate.margin,
            "confidence": answer.confidence,
            "rho": told["rho_zcdp"],
            "epsilon": told["epsilon"],
            "delta": told["delta"],
            "dataset_version": answer.dataset_version,
            "statement": answer.statement_text,
        }


def _schema(keys: list[str]) -> pa.Schema:
    numbers = ("value", "margin", "confidence", "rho", "epsilon", "delta")
    texts = ("dataset_version", "statement")
    return pa.schema(
        [*((key, pa.string()) for key in keys), ("statistic", pa.string())]
        + [(name, pa.float64()) for name in numbers]
        + [(name, pa.string()) for name in texts]
    )
