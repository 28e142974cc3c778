"""Bounds suggested privately: histograms of magnitudes, released like any other histogram and paid for.

Where to clip a measure, and how many rows of a customer to count, must not be read off the data: the largest value is
somebody's. So two histograms with public edges are released, each of one row a customer (sensitivity 1 for data sets
that differ in all rows of one customer), each with half of the ρ and an entry of its own in the ledger: of the
measure's magnitude in one row of each customer drawn at random, and of the number of rows of each customer. The
suggestion is post-processing of the two. Guarantee: that of `release`, ρ-zCDP in all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from statistics import NormalDist

from pydantic import BaseModel, ConfigDict, Field
from pyspark.sql import functions as F

from privacy.dp.answer import Answer
from privacy.dp.condition import keep
from privacy.dp.errors import BadQuestion
from privacy.dp.ledger import Ledger
from privacy.dp.noise_plan import NoisePlan
from privacy.dp.question import Bounds, Condition, Key, Question
from privacy.dp.release import DataSet, read_form, release
from privacy.dp.sensitivity import MOST_ROWS
from privacy.dp.trail import Trail

ROWS = "_rows"
_MAGNITUDES = [float(f"{digit}e{power}") for power in range(-3, 12) for digit in (1, 2, 5)]
VALUE_EDGES = (*(-edge for edge in reversed(_MAGNITUDES)), 0.0, *_MAGNITUDES)
ROW_EDGES = (*map(float, (1, 2, 3, 4, 5, 7, 10, 14, 20, 28, 40, 56, 80, 112, 160, 320, 640, 1280, 2560, 5120)), 1e12)
# A lower end that is this much nearer to zero than the upper one might as well be zero.
_NEAR_ZERO = 10


class BoundsQuestion(BaseModel):
    """Bounds wanted for a column: such that `share` of customers, by their rows and by one row of each, lie within."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    dataset: str
    purpose: str
    column: str
    rho: float = Field(gt=0, le=100, allow_inf_nan=False)
    unit: str = "customer_id"
    where: tuple[Condition, ...] = ()
    share: float = Field(default=0.95, gt=0.5, lt=1)

    def of_values(self) -> Question:
        """The histogram of the column's magnitudes, one row of each customer."""
        return self._histogram(self.column, VALUE_EDGES, self.where)

    def of_rows(self) -> Question:
        """The histogram of rows a customer, over a table with one row a customer."""
        return self._histogram(ROWS, ROW_EDGES, ())

    def _histogram(self, column: str, edges: Sequence[float], where: tuple[Condition, ...]) -> Question:
        return Question(
            dataset=self.dataset, purpose=self.purpose, unit=self.unit, statistics=("count",), rho=self.rho / 2,
            group_by=(Key(column=column, edges=tuple(edges)),), where=where, bounds=Bounds(rows=1),
        )  # fmt: skip


class Suggestion(BaseModel):
    """What to write into a question. `lower`, `upper` or `rows` is None where there is too little data to tell."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    lower: float | None
    upper: float | None
    rows: int | None
    sentence: str
    answers: tuple[Answer, ...]


def read_bounds_question(form: Mapping[str, object]) -> BoundsQuestion:
    """A question for bounds from plain data.

    Raises:
        BadQuestion: with every fault and its place.
    """
    return read_form(BoundsQuestion, form)


def suggest(
    question: BoundsQuestion, data: DataSet, ledger: Ledger, now: datetime, trail: Trail | None = None
) -> Suggestion:
    """Release the two histograms and read bounds off them. Asked again on the same data, it costs nothing.

    Raises:
        DpError: as `release`. If only the second histogram is refused, the first is kept and free when asked again.
    """
    told = [condition.model_dump(mode="json") for condition in question.where]
    counted = keep(data.frame, question.where).groupBy(question.unit).agg(F.count("*").alias(ROWS))
    values = release(question.of_values(), data, ledger, now, trail)
    rows = release(question.of_rows(), DataSet(counted, f"{data.version}/rows where {told}"), ledger, now, trail)
    return read_off(question, values, rows)


def read_off(question: BoundsQuestion, values: Answer, rows: Answer) -> Suggestion:
    """The suggestion, from noisy histograms alone."""
    found = _clear(question.of_values(), values, VALUE_EDGES)
    rest = (1 - question.share) / 2
    low, high = (_at(found, share) for share in (rest, 1 - rest)) if found else (None, None)
    lower, upper = (low[0] if low else None), (high[1] if high else None)
    if lower is not None and upper is not None and 0 < lower * _NEAR_ZERO <= upper:
        lower = 0.0
    if lower is not None and upper is not None and upper < 0 and lower <= upper * _NEAR_ZERO:
        upper = 0.0
    counts = _clear(question.of_rows(), rows, ROW_EDGES)
    most = _at(counts, question.share) if counts else None
    return Suggestion(
        lower=lower,
        upper=upper,
        rows=min(MOST_ROWS, int(most[1]) - 1) if most else None,
        sentence=f"About {question.share:.0%} of customers lie within these bounds, as two noisy histograms tell; "
        "a bound without a number had too little data. What lies beyond is clipped or left out.",
        answers=(values, rows),
    )


def _clear(question: Question, answer: Answer, edges: Sequence[float]) -> list[tuple[float, float, float]]:
    """Lower edge, upper edge and count of the bins that stand clear of the noise of all of them."""
    # Beyond this, one of a thousand histograms of nothing has a bin.
    threshold = NoisePlan(question).vector("n").scale * NormalDist().inv_cdf(1 - 0.001 / len(edges))
    counts = [estimate.value or 0.0 for estimate in answer.estimates]
    if len(counts) != len(edges) - 1:
        raise BadQuestion(f"{len(counts)} counts came for {len(edges) - 1} bins; ask with this version's own question")
    bins = zip(edges[:-1], edges[1:], counts, strict=True)
    return [(low, high, count) for low, high, count in bins if count > threshold]


def _at(bins: Sequence[tuple[float, float, float]], share: float) -> tuple[float, float]:
    """The edges of the bin in which that share of the counts is reached."""
    wanted, below = share * sum(count for _, _, count in bins), 0.0
    for low, high, count in bins:
        below += count
        if below >= wanted:
            return low, high
    return bins[-1][:2]
