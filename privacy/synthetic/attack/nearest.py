"""Finds the nearest synthetic row of each real row, by Gower's distance.

A category that differs adds 1; a number adds its difference as a share of its public range; null differs from all else.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from privacy.anonymity.kernel.compilation import allocating_entry_point, kernel
from privacy.synthetic.number_coding import NumberCoding
from privacy.synthetic.spread import Codes
from privacy.synthetic.table_form import TableForm

Matrix = npt.NDArray[np.float32]


def nearest(real: TableForm, synthetic: TableForm, columns: Sequence[str]) -> tuple[Matrix, Codes]:
    """Return the distance of each real row to its nearest synthetic row in these columns, and that row's index.

    Of several rows at the same distance it is the first.
    """
    return _search(_points(real, columns), _points(synthetic, columns), _kinds(real, columns))


def nearest_in_both(
    real: TableForm, synthetic: TableForm, first: Sequence[str], second: Sequence[str]
) -> npt.NDArray[np.int64]:
    """Return for each real row how many synthetic rows are nearest in the first columns and in the second as well."""
    one, two = ((_points(real, names), _points(synthetic, names), _kinds(real, names)) for names in (first, second))
    return _count_common(*one, *two)


def _kinds(form: TableForm, columns: Sequence[str]) -> npt.NDArray[np.bool_]:
    return np.array([isinstance(form.columns[name], NumberCoding) for name in columns])


def _points(form: TableForm, columns: Sequence[str]) -> Matrix:
    """Return a row of numbers a row: codes of categories, numbers as shares of their range, and -1 for null."""
    found, place = [], list(form.columns)
    for name in columns:
        coding = form.columns[name]
        if isinstance(coding, NumberCoding):
            low, high = coding.spec.minimum, coding.spec.maximum
            share = np.clip((form.numbers[:, place.index(name)] - low) / (high - low), 0, 1)
            found.append(np.nan_to_num(share, nan=-1.0))
        else:
            found.append(form.codes[name].astype(np.float64))
    return np.stack(found, 1).astype(np.float32)


@kernel
def _distance(
    points: Matrix, row: int, others: Matrix, other: int, is_number: npt.NDArray[np.bool_], most: float
) -> float:  # pragma: no cover
    """Return the distance of two rows; any number above `most` if it is larger."""
    distance = 0.0
    for column in range(points.shape[1]):
        one, two = points[row, column], others[other, column]
        if one != two:
            is_far = not is_number[column] or one < 0 or two < 0
            distance += 1.0 if is_far else abs(one - two)
            if distance > most:
                break
    return distance


@allocating_entry_point
def _search(
    points: Matrix, others: Matrix, is_number: npt.NDArray[np.bool_]
) -> tuple[Matrix, Codes]:  # pragma: no cover
    far, near = np.empty(len(points), np.float32), np.zeros(len(points), np.int64)
    for row in range(len(points)):
        best = np.inf
        for other in range(len(others)):
            distance = _distance(points, row, others, other, is_number, best)
            if distance < best:
                best, near[row] = distance, other
                if best == 0:
                    break
        far[row] = best
    return far, near


@allocating_entry_point
def _count_common(
    points: Matrix, others: Matrix, is_number: npt.NDArray[np.bool_], second_points: Matrix, second_others: Matrix,
    is_second_number: npt.NDArray[np.bool_],
) -> Codes:  # fmt: skip  # pragma: no cover
    counts = np.zeros(len(points), np.int64)
    for row in range(len(points)):
        best, second_best, count = np.inf, np.inf, 0
        for other in range(len(others)):
            distance = _distance(points, row, others, other, is_number, best)
            second = _distance(second_points, row, second_others, other, is_second_number, second_best)
            if distance < best or second < second_best:
                best, second_best, count = min(best, distance), min(second_best, second), 0
            if distance <= best and second <= second_best:
                count += 1
        counts[row] = count
    return counts
