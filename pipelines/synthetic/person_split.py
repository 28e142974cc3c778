"""Divides people into those that a model learns from and those that are held out to judge it.

A person's side follows from a keyed hash of the person's id, so it is the same in every fit: people who are held out
are never learned from.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

HELD_OUT_SHARE = 0.2


@dataclass(frozen=True)
class Rows:
    """Rows that may be learned from. `events` None: there are none. `unit` None: each row is a person.

    customers, permitted: persons in the source, and those of them who permit the purpose.
    """

    people: pa.Table
    events: pa.Table | None
    unit: str | None
    customers: int
    permitted: int


@dataclass(frozen=True)
class Sides:
    """The rows that are learned from, and those of the people who are held out.

    customers, permitted: persons in the source, and those of them who permit the purpose.
    """

    learned: Rows
    held_out: Rows
    customers: int
    permitted: int


def split(rows: Rows, key: bytes, name: str, share: float = HELD_OUT_SHARE) -> Sides:
    """Return the rows that are learned from, and those of the people who are held out.

    Args:
        rows: the rows of all people.
        key: secret key, so that nobody can choose ids that are held out.
        name: name of the data set; where each row is a person, its place among the rows decides.
        share: share of people who are held out, on average.
    """
    if rows.unit is None:
        seed = hashlib.blake2b(name.encode(), key=key).digest()
        out = np.random.default_rng(list(seed)).random(rows.people.num_rows) < share
        return Sides(_chosen(rows, ~out), _chosen(rows, out), rows.customers, rows.permitted)
    learned, held_out = (_side(rows, rows.unit, key, share, is_held_out) for is_held_out in (False, True))
    return Sides(learned, held_out, rows.customers, rows.permitted)


def _chosen(rows: Rows, mask: npt.NDArray[np.bool_]) -> Rows:
    count = int(mask.sum())
    return Rows(rows.people.filter(pa.array(mask)), None, None, count, count)


def _side(rows: Rows, unit: str, key: bytes, share: float, held_out: bool) -> Rows:
    people = rows.people.filter(_mask(rows.people[unit], key, share, held_out))
    events = None if rows.events is None else rows.events.filter(_mask(rows.events[unit], key, share, held_out))
    count = len(people[unit].unique())
    return Rows(people, events, unit, count, count)


def _mask(people: pa.ChunkedArray, key: bytes, share: float, held_out: bool) -> pa.Array:
    coded = people.combine_chunks().dictionary_encode()
    limit = int(share * 2**64)
    sides = pa.array([_place(person, key) < limit for person in coded.dictionary.to_pylist()], pa.bool_())
    mask = sides.take(coded.indices)
    return mask if held_out else pc.invert(mask)


def _place(person: object, key: bytes) -> int:
    digest = hashlib.blake2b(str(person).encode(), key=key, digest_size=8, person=b"synthetic split").digest()
    return int.from_bytes(digest, "big")
