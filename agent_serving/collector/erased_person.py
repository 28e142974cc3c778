"""Finds the events of erased persons at the door, so that the log never holds them. The load looks again."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from agent_serving.collector.received_event import ReceivedEvent
from installation.contract.document import Contract
from privacy.consent.timeline import microseconds
from privacy.protection.suppression import NOT_LISTED, REFERENCES, ListedIdentifiers, is_suppressed
from privacy.protection.token import Tokenizer


def are_erased(
    events: Sequence[ReceivedEvent], contract: Contract, listed: ListedIdentifiers, tokens: Tokenizer, zone: ZoneInfo
) -> npt.NDArray[np.bool_]:
    """Return for each event whether it belongs to an erased person: by its matching keys, visit or order.

    An entry that ends covers only events up to its moment, in the shop's wall time.
    """
    until = np.full(len(events), NOT_LISTED, np.int64)
    if not events or not listed:
        return np.zeros(len(events), np.bool_)
    for column in contract.columns:
        values = pa.array([_text(event.fields.get(column.header)) for event in events], pa.string())
        if column.token is not None:
            made = tokens.tokens(column.token, values)
            np.maximum(until, listed.until("value", made), out=until)
            if column.name == contract.subject_key:
                people = [None if token is None else f"{contract.name}:{token}" for token in made.to_pylist()]
                np.maximum(until, listed.until("person", pa.array(people, pa.string())), out=until)
        elif column.touchpoint_role in REFERENCES:
            np.maximum(until, listed.until(str(column.touchpoint_role), values), out=until)
    moments = [microseconds(event.event_at.astimezone(zone).replace(tzinfo=None)) for event in events]
    return is_suppressed(until, np.array(moments, np.int64))


def _text(value: object) -> str | None:
    return None if value is None or isinstance(value, dict | list) else str(value)
