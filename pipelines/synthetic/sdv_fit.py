"""Fits SDV's synthesizers to files of the caller, draws rows and judges them in one go.

SDV saves its models by pickle only, so they are not saved. They state no guarantee, so they never see a table of the
lakehouse, and nothing of them is published.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import pyarrow as pa

from installation.errors import SettingsError
from pipelines.synthetic.judgement import Judgement, Question, judge_unproven
from pipelines.synthetic.person_split import Rows, split
from pipelines.synthetic.sampling import draw
from pipelines.synthetic.source import FileSource
from privacy.synthetic.event.specification import EventSpecification
from privacy.synthetic.sdv.sdv_history import HISTORY_METHODS, HistoryMethod, SdvHistory
from privacy.synthetic.sdv.sdv_table import TABLE_METHODS, SdvTable, TableMethod
from privacy.synthetic.synthesizer import Progress

METHODS = (*TABLE_METHODS, *HISTORY_METHODS)


def draw_with_sdv(
    source: FileSource, method: str, rows: int | None, seed: int, key: bytes, question: Question, progress: Progress,
    options: Mapping[str, Any],
) -> tuple[tuple[pa.Table, ...], Judgement]:  # fmt: skip
    """Return rows of one of SDV's synthesizers, or people and their events, and the judgement of them.

    Guarantee: none.

    Raises:
        SettingsError: the method does not fit the specification, or a file cannot be read.
        SyntheticError: the package `sdv` is not installed.
    """
    has_events = isinstance(source.specification, EventSpecification)
    allowed = HISTORY_METHODS if has_events else TABLE_METHODS
    if method not in allowed:
        what = "people with events" if has_events else "one table"
        raise SettingsError(f"--method {method} does not learn {what}; choose from {', '.join(allowed)}")
    sides = split(source.read(), key, source.form.dataset)
    model = _fit(source, sides.learned, method, progress, options)
    drawn = draw(model, rows, seed)
    return drawn, judge_unproven(model, sides, drawn, question)


def _fit(
    source: FileSource, learned: Rows, method: str, progress: Progress, options: Mapping[str, Any]
) -> SdvTable | SdvHistory:
    spec = source.specification
    if isinstance(spec, EventSpecification):
        if learned.events is None:
            raise SettingsError("the events are missing; add --events")
        known: HistoryMethod = next(one for one in get_args(HistoryMethod) if one == method)
        return SdvHistory.fit(learned.people, learned.events, spec, progress, method=known, options=options)
    chosen: TableMethod = next(one for one in get_args(TableMethod) if one == method)
    return SdvTable.fit(learned.people, spec, progress, method=chosen, options=options)
