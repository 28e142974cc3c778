"""Evaluates the resolver on labelled data: precision, recall and time, compared with plain Splink in the same run."""

import time
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pipelines.evaluation.dataset import LabelledFile
from pipelines.evaluation.pair_metric import CaseScore, Ints, Score, case_scores, cluster_score, count_pairs, pair_score
from pipelines.evaluation.splink_baseline import MOST_PAIRS, BaselineResult, LeftOutRule, run_plain_splink
from pipelines.matching.resolution import Options, open_workspace, resolve


@dataclass(frozen=True, slots=True)
class Metrics:
    """Metrics of one resolver on labelled data.

    Attributes:
        pairs: score of the pairs above the threshold, before clustering.
        clusters: score of the pairs of records in one group, after clustering.
        blocking_recall: share of the true pairs that blocking proposed as candidates.
        seconds: wall time from the raw table to the groups.
        cases: score of each case that makes recognition difficult, by its name; empty if the data names none.

    """

    pairs: Score
    clusters: Score
    blocking_recall: float
    seconds: float
    cases: dict[str, CaseScore] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the metrics by name, as values that can be written as JSON."""
        return {
            "pairs": self.pairs.as_dict(),
            "clusters": self.clusters.as_dict(),
            "blocking_recall": self.blocking_recall,
            "seconds": self.seconds,
            **({"cases": {name: asdict(score) for name, score in self.cases.items()}} if self.cases else {}),
        }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Metrics of Bojagi and of plain Splink on the same records.

    Attributes:
        data: name of the data set.
        records: number of records.
        people: true number of people.
        note: which records were used and why.
        bojagi: metrics of Bojagi.
        baseline: metrics of plain Splink in the same run; None if it was not run.
        left_out: blocking rules of plain Splink that were not used, because they would compare too many pairs.

    """

    data: str
    records: int
    people: int
    note: str
    bojagi: Metrics
    baseline: Metrics | None
    left_out: tuple[LeftOutRule, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the documented JSON object: Bojagi's metrics, and under `baseline` plain Splink's or null.

        `baseline` has `left_out_rules` only if rules were left out.
        """
        left_out = {"left_out_rules": [asdict(rule) for rule in self.left_out]} if self.left_out else {}
        plain = self.baseline and self.baseline.as_dict() | left_out
        return {**self.bojagi.as_dict(), "baseline": plain}

    def describe(self) -> str:
        """Return a line with the data set and its numbers of records and people, and one a rule that was left out."""
        first = f"{self.data}: {self.records} records of {self.people} people" + (f"; {self.note}" if self.note else "")
        left_out = [
            f"Plain Splink ran without the blocking rule {r.rule}: it would compare {r.pairs:,} pairs, and at most "
            f"{MOST_PAIRS:,} a rule are compared."
            for r in self.left_out
        ]
        return "\n".join([first, *left_out])


def evaluate(data: LabelledFile, options: Options | None = None, *, with_baseline: bool = True) -> Evaluation:
    """Resolve labelled records without their labels, score the result and return the metrics.

    Where each source contains a person at most once, only pairs of records from different sources are scored.
    """
    options = options or Options()
    truth = pd.factorize(data.frame[data.truth])[0].astype(np.int64)
    source = _exclusive_source(data)
    ours = _evaluate_bojagi(data, truth, source, options)
    size, people = len(truth), int(truth.max()) + 1
    if not with_baseline:
        return Evaluation(data.name, size, people, data.note, ours, None)
    plain = run_plain_splink(data, options.threads, options.memory)
    return Evaluation(data.name, size, people, data.note, ours, _score_splink(plain, truth, source), plain.left_out)


def _evaluate_bojagi(data: LabelledFile, truth: Ints, source: Ints | None, options: Options) -> Metrics:
    frame = data.frame.drop(columns=[data.truth])
    began = time.perf_counter()
    with open_workspace(options) as connection:
        resolution = resolve(connection, frame, data.mapping, options)
        seconds = time.perf_counter() - began
        rows = connection.execute("select a::bigint as a, b::bigint as b from candidate").fetchnumpy()
    left, right = np.asarray(rows["a"]), np.asarray(rows["b"])
    predicted = resolution.pairs.weight > options.threshold
    return Metrics(
        pair_score(truth, resolution.pairs.left[predicted], resolution.pairs.right[predicted], source),
        cluster_score(truth, resolution.group, source),
        _recall(truth, left, right, source),
        round(seconds, 3),
        case_scores(truth, resolution.group, data.cases) if data.cases is not None else {},
    )


def _score_splink(resolution: BaselineResult, truth: Ints, source: Ints | None) -> Metrics:
    return Metrics(
        pair_score(truth, *resolution.predicted, source),
        cluster_score(truth, resolution.group, source),
        _recall(truth, *resolution.candidates, source),
        resolution.seconds,
    )


def _recall(truth: Ints, left: Ints, right: Ints, source: Ints | None) -> float:
    hits = int((truth[left] == truth[right]).sum())
    return round(hits / max(count_pairs(truth, source), 1), 6)


def _exclusive_source(data: LabelledFile) -> Ints | None:
    if not data.mapping.one_per_person or data.mapping.source is None:
        return None
    return pd.factorize(data.frame[data.mapping.source])[0].astype(np.int64)
