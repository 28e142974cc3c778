"""Whom each source person belonged to, and since when: what the consent decision needs to follow merges and splits.

A merged customer is permitted only what every one of its source persons who spoke permits; after a split each one is
judged by its own words again (`privacy.consent.timeline`, `privacy.consent.frame`).
"""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pyarrow as pa

from pipelines.identity.errors import HistoryError
from pipelines.identity.steward import read_keys
from privacy.consent.rows import MEMBERSHIP_SCHEMA

SPEAKER_KIND = "member_no"
"""Consent is given under a member number."""
BEGINNING = datetime(1970, 1, 1)  # noqa: DTZ001  (local wall time; before any record)


def membership_rows(identifiers: pd.DataFrame, events: pd.DataFrame) -> pa.Table:
    """Return rows of MEMBERSHIP_SCHEMA: the customer of each member number (by its token) over time.

    Args:
        identifiers: rows of silver/identifier.
        events: rows of silver/identity_event.

    Raises:
        HistoryError: the events do not lead to what the identifiers say.
    """
    now = identifiers[identifiers["token_kind"] == SPEAKER_KIND].set_index("token")["customer_id"]
    rows: dict[str, list[tuple[datetime, str]]] = {}
    for event in events.sort_values("occurred_at").to_dict("records"):
        for kind, token in read_keys(event["moved_keys"]):
            if kind == SPEAKER_KIND:
                stays = rows.setdefault(token, [(BEGINNING, event["from_customer_id"])])
                stays.append((pd.Timestamp(event["occurred_at"]).to_pydatetime(), event["to_customer_id"]))
    for token, customer_id in zip(now.index.astype(str), now, strict=True):
        stays = rows.setdefault(token, [(BEGINNING, customer_id)])
        if stays[-1][1] != customer_id:
            raise HistoryError("silver/identity_event is behind silver/identifier: run `bojagi run`.")
    listed = [
        {"subject_id": token, "customer_id": customer_id, "from_at": since}
        for token, stays in sorted(rows.items())
        for since, customer_id in stays
    ]
    return pa.Table.from_pylist(listed, schema=MEMBERSHIP_SCHEMA)
