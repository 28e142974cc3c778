"""What matching sees of the records: which keys stand together on a record, never the keys' plain text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from pipelines.register.key_place import codes

LINK_KINDS = ("member_no", "card_no", "email", "name_phone")
"""Keys that one person alone has: two records with the same one are the same person.

A phone alone is none, since families share phones; with the name it is. Devices are none for the same reason.
"""
ATTACH_KINDS = ("account_no", "device_id", "phone")
"""Keys that bring events to a customer and never join two people."""
ANCHOR_KINDS = ("member_no", "card_no", "email")
"""Keys that make a cluster a customer: a name and phone alone may be the receiver of somebody's parcel."""
KINDS = (*LINK_KINDS, *ATTACH_KINDS)

RECORD_COLUMNS = ("source", *KINDS, "is_principal", "record_count")


class RecordError(ValueError):
    """The records cannot be matched as they are."""


@dataclass(frozen=True)
class Records:
    """Distinct combinations of keys on records, in a fixed order.

    `frame` has the columns RECORD_COLUMNS: `source` (table), one column a kind of key holding the token or None,
    `is_principal` (the record says that its account's baskets are this person's), `record_count` and `loaded_at`
    (the load of the newest row; null where nobody says).
    """

    frame: pd.DataFrame

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Records:
        """Check the columns, drop combinations without any key and sort, so that engines' row orders do not matter.

        Raises:
            RecordError: a column is missing.
        """
        missing = [name for name in RECORD_COLUMNS if name not in frame.columns]
        if missing:
            raise RecordError(
                f"records lack {', '.join(missing)}; expected columns {', '.join(RECORD_COLUMNS)}; "
                "build them with pipelines.unify.identity_record"
            )
        clean = frame[list(RECORD_COLUMNS)].copy()
        loaded_at = frame["loaded_at"] if "loaded_at" in frame.columns else pd.Series(pd.NaT, index=frame.index)
        clean["loaded_at"] = pd.to_datetime(loaded_at).astype("datetime64[us]")
        for kind in KINDS:
            clean[kind] = clean[kind].astype(object).where(clean[kind].notna(), None)
        clean["is_principal"] = clean["is_principal"].isin([True])
        clean["record_count"] = clean["record_count"].fillna(1).astype("int64")
        clean = clean[clean[list(KINDS)].notna().any(axis=1)]
        order = np.lexsort([codes(clean[name])[0] for name in reversed(["source", *KINDS])])
        return cls(clean.iloc[order].reset_index(drop=True))

    @cached_property
    def _carried(self) -> pd.DataFrame:
        numbers, first = {}, 0
        for kind in sorted(KINDS):
            code, distinct = codes(self.frame[kind])
            numbers[kind], first = np.where(code < 0, -1, code + first), first + len(distinct)
        parts = []
        for kind in KINDS:
            held = np.flatnonzero(numbers[kind] >= 0)
            said = self.frame[[kind, "record_count", "loaded_at"]].iloc[held]
            parts.append(
                pd.DataFrame({
                    "record": held, "kind": kind, "token": said[kind].to_numpy(), "key": numbers[kind][held],
                    "record_count": said["record_count"].to_numpy(), "loaded_at": said["loaded_at"].to_numpy(),
                })
            )  # fmt: skip
        return pd.concat(parts, ignore_index=True)

    def keys(self) -> pd.DataFrame:
        """Return one row a record and key: `record` (row number), `kind`, `token`, `key`, `record_count`, `loaded_at`.

        `key` numbers the distinct keys in the order of kind and token: what is done by key goes by it, in a tenth of
        the time that the texts would take.
        """
        return self._carried.copy(deep=False)
