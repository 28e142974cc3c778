"""Figures of many journeys: the funnel to a purchase, flows between channels, and the time to a purchase.

Every count is of journeys, rounded down to a multiple of K, and left out if fewer than K customers made them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.insight.group_size import K, told_size

COLUMNS = ("customer_id", "started_at", "path", "channel_path", "is_converted", "duration_hours")
"""Columns of gold/customer_journey that the figures need."""
STEPS: Mapping[str, str] = {
    "visit": "", "product": r":(product_view|scan_barcode)", "cart": r":add_to_cart", "checkout": r":checkout",
}  # fmt: skip
"""Steps of the funnel before the purchase: a pattern of the path; an empty one is every journey."""
HOURS = (1, 24, 72, 168, 336, 720)
"""Upper bounds of the classes of the time to a purchase, in hours; the last class has none."""
BOUGHT, LEFT = "purchase", "no purchase"
_SEPARATOR = " > "


@dataclass(frozen=True)
class Flow:
    """Journeys that went from one channel to the next one, or to their end. `step` counts channels from 1."""

    step: int
    source: str
    target: str
    journeys: int


@dataclass(frozen=True)
class JourneyFigures:
    """The figures; None stands for a count of too few customers.

    Attributes:
        journeys: all journeys.
        converted: those that ended with a purchase.
        funnel: for each step of STEPS, the journeys with it and all steps before it, and `purchase` at last.
        flows: between channels, the largest first.
        hours: journeys with a purchase by the class of their duration, in the order of HOURS and the last class.
        median_hours: median time to the purchase; None if there are too few.
    """

    journeys: int | None
    converted: int | None
    funnel: dict[str, int | None]
    flows: tuple[Flow, ...]
    hours: tuple[int | None, ...]
    median_hours: float | None


def journey_figures(journeys: pa.Table, most_steps: int = 3) -> JourneyFigures:
    """Return the figures of journeys.

    Args:
        journeys: rows with COLUMNS. Nulls in paths are journeys without a step.
        most_steps: channels of a journey that the flows show; later ones are left out.
    """
    customers = _codes(journeys["customer_id"])
    converted = np.asarray(pc.fill_null(journeys["is_converted"], False))
    reached = np.ones(len(customers), bool)
    funnel: dict[str, int | None] = {}
    for name, pattern in STEPS.items():
        if pattern:
            reached = reached & np.asarray(pc.fill_null(pc.match_substring_regex(journeys["path"], pattern), False))
        funnel[name] = _told(customers, reached)
    funnel[BOUGHT] = _told(customers, reached & converted)
    hours = np.asarray(pc.fill_null(journeys["duration_hours"].cast(pa.float64()), np.nan))
    classes = np.digitize(hours, HOURS, right=True)
    bought = converted & np.isfinite(hours)
    return JourneyFigures(
        _told(customers, np.ones(len(customers), bool)), _told(customers, converted), funnel,
        _flows(journeys["channel_path"], customers, converted, most_steps),
        tuple(_told(customers, bought & (classes == number)) for number in range(len(HOURS) + 1)),
        float(np.median(hours[bought])) if _told(customers, bought) else None,
    )  # fmt: skip


def _flows(
    paths: pa.ChunkedArray, customers: NDArray[np.int64], converted: NDArray[np.bool_], most_steps: int
) -> tuple[Flow, ...]:  # fmt: skip
    encoded = paths.combine_chunks().dictionary_encode()
    codes = np.asarray(pc.fill_null(encoded.indices, -1))
    taken: dict[tuple[int, str, str, bool | None], list[int]] = {}
    for code, path in enumerate(encoded.dictionary.to_pylist()):
        channels = path.split(_SEPARATOR)
        for step, channel in enumerate(channels[:most_steps], 1):
            if step < min(len(channels), most_steps):
                taken.setdefault((step, channel, channels[step], None), []).append(code)
            else:
                taken.setdefault((step, channel, BOUGHT, True), []).append(code)
                taken.setdefault((step, channel, LEFT, False), []).append(code)
    flows = []
    for (step, source, target, is_bought), of in taken.items():
        rows = np.isin(codes, of)
        count = _told(customers, rows if is_bought is None else rows & (converted == is_bought))
        if count:
            flows.append(Flow(step, source, target, count))
    return tuple(sorted(flows, key=lambda flow: (-flow.journeys, flow.step, flow.source, flow.target)))


def _codes(customers: pa.ChunkedArray) -> NDArray[np.int64]:
    encoded = customers.combine_chunks().dictionary_encode()
    return np.asarray(pc.fill_null(encoded.indices, -1), np.int64)


def _told(customers: NDArray[np.int64], rows: NDArray[np.bool_]) -> int | None:
    """Return the number of rows as it may be told; None if fewer than K customers have them."""
    return None if len(np.unique(customers[rows])) < K else told_size(int(rows.sum()))
