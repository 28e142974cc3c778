"""Removes the events after the time of the export from the records, because an exported file cannot contain them."""

import datetime

import numpy as np
import pandas as pd

from pipelines.simulate.random_stream import Bools
from pipelines.simulate.records import Records

LAST_DAY = datetime.date(2017, 12, 31)
"""The day on which the market ends. It is the reference date of runs on the simulated files."""
EXPORTED_AT = np.datetime64(LAST_DAY, "s") + np.timedelta64(86_400, "s")
"""Time of the export: the end of the last day."""

_HAPPENED = {
    "app_event": ("event_at", "received_at"),
    "consent_event": ("event_at", "recorded_at"),
    "delivery": ("ordered_at", "shipped_at"),
    "nps_survey": ("asked_at",),
    "recommendation_event": ("shown_at",),
    "return_item": ("returned_at",),
    "review": ("created_at",),
    "support_ticket": ("opened_at",),
    "weather": ("observed_on",),
    "web_event": ("event_at", "received_at"),
    "wishlist": ("added_at",),
}
"""Time columns by source; a row is known to its system only after all of these times."""

_FOLLOWED = {
    "delivery": ("delivered_at",),
    "nps_survey": ("answered_at", "score", "comment"),
    "recommendation_event": ("outcome_at",),
    "support_ticket": ("closed_at", "satisfaction"),
    "wishlist": ("removed_at",),
}
"""Columns by source that are filled in later. The first is the time; until then all of them are null."""


def cut_off(records: Records) -> None:
    """Remove rows and values later than `EXPORTED_AT` from the records, in place."""
    frame = records.frame
    known = np.ones(len(frame), dtype=bool)
    for column in _HAPPENED.get(records.source, ()):
        known &= ~_is_later(frame[column])
    if not known.all():
        records.keep(known)
    followed = _FOLLOWED.get(records.source, ())
    if followed:
        later = _is_later(records.frame[followed[0]])
        if later.any():
            blank = {name: records.frame[name].mask(later) for name in followed}
            records.frame = records.frame.assign(**blank)


def _is_later(times: pd.Series) -> Bools:
    return (pd.to_datetime(times) >= EXPORTED_AT).to_numpy(dtype=bool)
