"""Draws rows from a model into files, in parts, so that any number of rows fits into memory."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa

from installation.errors import SettingsError
from pipelines.synthetic.row_writer import open_writer
from privacy.synthetic.event.specification import EventSpecification
from privacy.synthetic.event.synthesizer import HistorySynthesizer
from privacy.synthetic.synthesizer import Synthesizer


def draw(model: Synthesizer | HistorySynthesizer, rows: int | None, seed: int) -> tuple[pa.Table, ...]:
    """Return rows in memory: one table, or the tables of people and of their events."""
    parts = [part if isinstance(part, tuple) else (part,) for part in model.sample(rows, seed)]
    return tuple(pa.concat_tables(side) for side in zip(*parts, strict=True))


def draw_rows(
    model: Synthesizer | HistorySynthesizer, rows: int | None, seed: int | None, given: Mapping[str, str | None],
    output: Path, events: Path | None, progress: Callable[[int], None],
) -> dict[str, Any]:  # fmt: skip
    """Write rows, and events for a model that has some; return the seed and the number of rows of each file.

    Args:
        model: the fitted model.
        rows: number of rows; of people if the model has events. None: as many as were learned from.
        seed: the same seed gives the same rows; None draws one.
        given: values that every row has, as text.
        output: CSV or Parquet file.
        events: file of the events.
        progress: called with the number of rows after each part.

    Raises:
        SettingsError: a file is missing, superfluous or of another kind.
        BadSpecification: a value in `given` is none of the column's domain.
        UnmetConstraint: the model gives too few such rows.
    """
    has_events = isinstance(model.specification, EventSpecification)
    if has_events != (events is not None):
        wanted = "has events: add --events FILE" if has_events else "has no events: leave out --events"
        raise SettingsError(f"the model {wanted}")
    drawn_seed = secrets.randbelow(2**31) if seed is None else seed
    paths = [output] if events is None else [output, events]
    counts = dict.fromkeys(map(str, paths), 0)
    with ExitStack() as stack:
        append = [stack.enter_context(open_writer(path)) for path in paths]
        for part in model.sample(rows, drawn_seed, given):
            tables = part if isinstance(part, tuple) else (part,)
            for path, write, table in zip(counts, append, tables, strict=True):
                write(table)
                counts[path] += table.num_rows
            progress(tables[0].num_rows)
    return {"seed": drawn_seed, "rows": counts}
