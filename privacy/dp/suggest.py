"""Suggests bounds with differential privacy, from two noisy histograms that are debited like any other release.

Bounds of a measure, or of a customer's rows, must not be read from the data, because the largest value belongs to one
customer. So two histograms with public edges are released: of the measure in one random row of each customer, and of
the number of rows per customer. Each has one row per customer (sensitivity 1 for data sets that differ in all rows of
one customer), half of ρ, and a debit of its own. The suggestion is post-processing of the two. The first and
the last bin also count the customers beyond them, so a suggestion that ends at an outer edge says "at least so far".

Guarantee: ρ-zCDP in total, as `release`.
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
# If the lower end is this much nearer to zero than the upper end, zero is suggested instead.
_NEAR_ZERO = 10


class BoundsQuestion(BaseModel):
    """Asks for bounds of a column, and of the rows per customer, that contain `share` of the customers."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    dataset: str
    purpose: str
    column: str
    rho: float = Field(gt=0, le=100, allow_inf_nan=False)
    unit: str = "customer_id"
    where: tuple[Condition, ...] = ()
    share: float = Field(default=0.95, gt=0.5, lt=1)

    def of_values(self) -> Question:
        """Return the question for the histogram of the column, in one row of each customer."""
        return self._histogram(self.column, VALUE_EDGES, self.where)

    def of_rows(self) -> Question:
        """Return the question for the histogram of rows per customer, over a table with one row per customer."""
        return self._histogram(ROWS, ROW_EDGES, ())

    def _histogram(self, column: str, edges: Sequence[float], where: tuple[Condition, ...]) -> Question:
        return Question(
            dataset=self.dataset, purpose=self.purpose, unit=self.unit, statistics=("count",), rho=self.rho / 2,
            group_by=(Key(column=column, edges=tuple(edges), open_ends=True),), where=where, bounds=Bounds(rows=1),
        )  # fmt: skip


class Suggestion(BaseModel):
    """Suggested bounds for a question. `lower`, `upper` or `rows` is None if there is too little data."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    lower: float | None
    upper: float | None
    rows: int | None
    sentence: str
    answers: tuple[Answer, ...]


def read_bounds_question(form: Mapping[str, object]) -> BoundsQuestion:
    """Return plain data, such as parsed YAML, as a question for bounds.

    Raises:
        BadQuestion: lists every fault and its field.
    """
    return read_form(BoundsQuestion, form)


def suggest(
    question: BoundsQuestion, data: DataSet, ledger: Ledger, now: datetime, trail: Trail | None = None
) -> Suggestion:
    """Release two noisy histograms and return the bounds read from them. Repeated on the same day, it costs nothing.

    Raises:
        DpError: as `release`. If only the second histogram is refused, the first is kept and free when asked again.
    """
    conditions = [condition.model_dump(mode="json") for condition in question.where]
    counted = keep(data.frame, question.where).groupBy(question.unit).agg(F.count("*").alias(ROWS))
    values = release(question.of_values(), data, ledger, now, trail)
    rows = release(question.of_rows(), DataSet(counted, f"{data.scope}/rows where {conditions}"), ledger, now, trail)
    return read_off(question, values, rows)


def read_off(question: BoundsQuestion, values: Answer, rows: Answer) -> Suggestion:
    """Return the suggested bounds, computed from the two noisy histograms only."""
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
        sentence=f"About {question.share:.0%} of customers lie within these bounds, estimated from two "
        "noisy histograms. A bound without a number had too little data. Values beyond are clipped or left out.",
        answers=(values, rows),
    )


def _clear(question: Question, answer: Answer, edges: Sequence[float]) -> list[tuple[float, float, float]]:
    """Return lower edge, upper edge and count of each bin whose count is clearly above the noise."""
    # Of a thousand histograms without data, about one has a bin above this.
    threshold = NoisePlan(question).vector("n").scale * NormalDist().inv_cdf(1 - 0.001 / len(edges))
    counts = [estimate.value or 0.0 for estimate in answer.estimates]
    if len(counts) != len(edges) - 1:
        raise BadQuestion(
            f"got {len(counts)} counts for {len(edges) - 1} bins, so the answer is of another version; ask again"
        )
    bins = zip(edges[:-1], edges[1:], counts, strict=True)
    return [(low, high, count) for low, high, count in bins if count > threshold]


def _at(bins: Sequence[tuple[float, float, float]], share: float) -> tuple[float, float]:
    """Return the edges of the bin at which the running total of the counts reaches `share`."""
    wanted, below = share * sum(count for _, _, count in bins), 0.0
    for low, high, count in bins:
        below += count
        if below >= wanted:
            return low, high
    return bins[-1][:2]
