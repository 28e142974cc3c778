"""The moment at which every system was asked for its export: what happens later is in no file."""

import numpy as np
import pandas as pd

from pipelines.simulate.records import Records
from pipelines.simulate.streams import Flags

EXPORTED_AT = np.datetime64("2018-01-02T00:00:00")
"""The end of the last day on which the Complete Journey sells (it runs into the small hours of New Year)."""

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
"""The times of a row before which its system does not know it."""

_FOLLOWED = {
    "delivery": ("delivered_at",),
    "nps_survey": ("answered_at", "score", "comment"),
    "recommendation_event": ("outcome_at",),
    "support_ticket": ("closed_at", "satisfaction"),
    "wishlist": ("removed_at",),
}
"""Columns that are filled in later, the time first: empty while that has not come."""


def cut_off(records: Records) -> None:
    """Leave out of `records` what its system could not know at `EXPORTED_AT`."""
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


def _is_later(times: pd.Series) -> Flags:
    return (pd.to_datetime(times) >= EXPORTED_AT).to_numpy(dtype=bool)
