"""How right the resolver is on labelled data, beside plain Splink in the same run."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipelines.evaluation.baseline import run_plain_splink
from pipelines.evaluation.dataset import LabelledFile
from pipelines.evaluation.measure import Ints, Score, cluster_score, count_pairs, pair_score
from pipelines.matching.resolve import Options, open_workspace, resolve


@dataclass(frozen=True, slots=True)
class Figures:
    """What one resolver achieved.

    Attributes:
        pairs: of the pairs claimed before clustering.
        clusters: of the pairs that share a group in the end.
        blocking_recall: share of the true pairs that were compared at all.
        seconds: from the raw table to the groups.

    """

    pairs: Score
    clusters: Score
    blocking_recall: float
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return the figures by name."""
        return {
            "pairs": self.pairs.as_dict(),
            "clusters": self.clusters.as_dict(),
            "blocking_recall": self.blocking_recall,
            "seconds": self.seconds,
        }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Bojagi's figures and plain Splink's on the same records.

    Attributes:
        data: name of the data.
        records: how many were resolved.
        people: how many they are in truth.
        note: which records were taken and why.
        bojagi: what our resolver achieved.
        baseline: what plain Splink achieved in the same run.

    """

    data: str
    records: int
    people: int
    note: str
    bojagi: Figures
    baseline: Figures | None

    def as_dict(self) -> dict[str, Any]:
        """Return the documented JSON object: our figures, and under `baseline` the same of plain Splink or null."""
        return {**self.bojagi.as_dict(), "baseline": self.baseline and self.baseline.as_dict()}

    def describe(self) -> str:
        """Return one line that says what was measured."""
        return f"{self.data}: {self.records} records of {self.people} people" + (f"; {self.note}" if self.note else "")


def evaluate(data: LabelledFile, options: Options | None = None, *, with_baseline: bool = True) -> Evaluation:
    """Resolve labelled records without their labels and score the answer.

    Truth counts pairs across sources only when a source holds a person at most once.
    """
    options = options or Options()
    truth = pd.factorize(data.frame[data.truth])[0].astype(np.int64)
    source = _exclusive_source(data)
    ours = _resolve(data, truth, source, options)
    plain = _plain(data, truth, source, options) if with_baseline else None
    return Evaluation(data.name, len(truth), int(truth.max()) + 1, data.note, ours, plain)


def _resolve(data: LabelledFile, truth: Ints, source: Ints | None, options: Options) -> Figures:
    frame = data.frame.drop(columns=[data.truth])
    began = time.perf_counter()
    with open_workspace(options) as connection:
        answer = resolve(connection, frame, data.mapping, options)
        seconds = time.perf_counter() - began
        rows = connection.execute("select a::bigint as a, b::bigint as b from candidate").fetchnumpy()
    left, right = np.asarray(rows["a"]), np.asarray(rows["b"])
    claimed = answer.pairs.weight > options.threshold
    return Figures(
        pair_score(truth, answer.pairs.left[claimed], answer.pairs.right[claimed], source),
        cluster_score(truth, answer.group, source),
        _recall(truth, left, right, source),
        round(seconds, 3),
    )


def _plain(data: LabelledFile, truth: Ints, source: Ints | None, options: Options) -> Figures:
    answer = run_plain_splink(data, options.threads, options.memory)
    return Figures(
        pair_score(truth, *answer.claimed, source),
        cluster_score(truth, answer.group, source),
        _recall(truth, *answer.candidates, source),
        answer.seconds,
    )


def _recall(truth: Ints, left: Ints, right: Ints, source: Ints | None) -> float:
    hits = int((truth[left] == truth[right]).sum())
    return round(hits / max(count_pairs(truth, source), 1), 6)


def _exclusive_source(data: LabelledFile) -> Ints | None:
    if not data.mapping.one_per_person or data.mapping.source is None:
        return None
    return pd.factorize(data.frame[data.mapping.source])[0].astype(np.int64)
