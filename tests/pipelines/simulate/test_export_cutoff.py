"""No file contains what happened after the export."""

import numpy as np
import pandas as pd

from pipelines.simulate.export_cutoff import EXPORTED_AT, cut_off
from pipelines.simulate.records import Override, Records
from tests.pipelines.simulate.landed import Landed


def _wishes() -> Records:
    early, late = EXPORTED_AT - np.timedelta64(1, "D"), EXPORTED_AT + np.timedelta64(1, "D")
    frame = pd.DataFrame(
        {"item_id": ["a", "b", "c"], "added_at": [early, late, early], "removed_at": [late, late, early]},
        index=[10, 11, 12],
    )
    records = Records("wishlist", frame, "item_id", np.arange(3))
    records.overrides = [Override(11, "added_at", "x"), Override(12, "added_at", "y")]
    records.mark("bad_date", np.array([11, 12]), "added_at")
    return records


def test_rows_and_values_after_the_export_are_removed() -> None:
    records = _wishes()
    cut_off(records)
    assert list(records.frame["item_id"]) == ["a", "c"]
    assert list(records.frame["removed_at"].isna()) == [True, False]
    assert records.person is not None
    assert list(records.person) == [0, 2]
    assert [override.row for override in records.overrides] == [12]
    assert [mark[1] for mark in records.marks] == [12]


def test_no_landed_event_is_later_than_the_export(market: Landed) -> None:
    for source, column in (("review", "created_at"), ("support_ticket", "opened_at"), ("web_event", "event_at")):
        times = pd.to_datetime(market.clean(source)[column], errors="coerce")
        assert times.max() < EXPORTED_AT, source
