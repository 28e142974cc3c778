"""Plants the faults of real exports (dirt) in records, and marks them; truth/dirt.parquet lists every one."""

from dataclasses import dataclass

import numpy as np

from pipelines.simulate.random_stream import Ints, chance
from pipelines.simulate.records import Override, Records
from pipelines.simulate.text import label

_MAX_BREAKS = 100  # invented keys that are reserved for each replica


@dataclass(frozen=True)
class Break:
    """A value that breaks the contract: `count` copied rows get `value` in `column`. `kind` names the fault."""

    kind: str
    column: str
    value: str | None
    count: int = 1


def resend(records: Records, rng: np.random.Generator, share: float = 0.01) -> None:
    """Append an identical copy of a share of the rows."""
    rows = _some(records, rng, share)
    records.mark("duplicate", records.append(rows), records.key)


def delay(records: Records, event: str, rng: np.random.Generator, share: float = 0.02) -> None:
    """Set the time of receipt of a share of the rows one to five days later, and sort all rows by receipt."""
    assert records.received is not None
    rows = _some(records, rng, share)
    received = records.frame[records.received].to_numpy().copy()
    received[rows] += rng.integers(86_400, 5 * 86_400, len(rows)).astype("timedelta64[s]")
    records.frame[records.received] = received
    records.mark("late", records.frame.index.to_numpy()[rows], records.received)
    records.arrange(np.argsort(received, kind="stable"))


def disorder(records: Records, rng: np.random.Generator, share: float = 0.01) -> None:
    """Move a share of the rows up to fifty places down the file."""
    rows = _some(records, rng, share)
    place = np.arange(len(records.frame), dtype=np.float64)
    place[rows] += rng.integers(5, 50, len(rows)) + 0.5
    records.mark("out_of_order", records.frame.index.to_numpy()[rows], records.key)
    records.arrange(np.argsort(place, kind="stable"))


def blank(records: Records, column: str, rng: np.random.Generator, share: float) -> None:
    """Set an optional column to null in a share of the rows."""
    rows = _some(records, rng, share)
    values = records.frame[column].copy()
    values.iloc[rows] = None
    records.frame[column] = values
    records.mark("null", records.frame.index.to_numpy()[rows], column)


@dataclass(frozen=True)
class Distortion:
    """A fault that multiplies a number in a share of the rows: an outlier, or a wrong unit such as grams.

    Only values whose product is above `above` and at most `up_to` are changed. A value in a wrong unit must be large
    enough, and an outlier small enough, for the contract's rule to distinguish them.
    """

    kind: str
    column: str
    factor: float
    share: float
    above: float = 0.0
    up_to: float = np.inf


def distort(records: Records, distortion: Distortion, rng: np.random.Generator) -> None:
    """Apply a distortion to random rows."""
    rows = _some(records, rng, distortion.share)
    values = records.frame[distortion.column].copy()
    distorted = (values.iloc[rows].astype("Float64") * distortion.factor).round(3)
    fits = ((distorted > distortion.above) & (distorted <= distortion.up_to)).fillna(False).to_numpy(bool)
    values.iloc[rows[fits]] = distorted[fits].astype(values.dtype)
    records.frame[distortion.column] = values
    records.mark(distortion.kind, records.frame.index.to_numpy()[rows[fits]], distortion.column)


def break_contract(
    records: Records, breaks: list[Break], rng: np.random.Generator, prefix: str, taken: int = 0
) -> None:
    """Append copies of random rows, each of which breaks the contract in one column.

    Each copy gets a new key (`prefix` and a number above all others), so no correct row is lost when the copy goes to
    quarantine. `taken` is the number of keys that other breaks of the source have taken at most.
    """
    taken += records.replica * _MAX_BREAKS
    for fault in breaks:
        labels = records.append(rng.integers(0, len(records.frame), fault.count))
        digits = len(str(records.frame[records.key].iloc[0])) - len(prefix)
        keys = label(prefix, 10**digits - 1 - taken - np.arange(fault.count), digits)
        records.frame.loc[labels, records.key] = keys
        records.overrides.extend(Override(int(row), fault.column, fault.value) for row in labels)
        records.mark(fault.kind, labels, fault.column, breaks_contract=True)
        taken += fault.count


def _some(records: Records, rng: np.random.Generator, share: float) -> Ints:
    """Return the positions of a random share of the rows, at least one row."""
    drawn = np.flatnonzero(chance(rng, share, len(records.frame)))
    return drawn if len(drawn) else rng.integers(0, len(records.frame), 1)
