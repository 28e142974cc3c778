"""Takes chosen features out of the sections of a row, without the objects that a read of whole views makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import msgpack

from features.store.online_store import Absent, Columns, Selection
from features.store.packed_row import VALUES_AT, Moment, SchemaCodec, Sections, restore_moments

_unpack = msgpack.unpackb
_new = tuple.__new__


@dataclass(frozen=True)
class _Part:
    """How the wanted values are taken from the sections of one schema.

    `take` returns them from an unpacked section; None if the schema lacks one of them. `moments` are the places among
    the wanted values that are moments.
    """

    number: int
    places: tuple[int | None, ...]
    take: Callable[[Sequence[Any]], Sequence[Any]] | None
    moments: tuple[Moment, ...]

    def values(self, section: Sequence[Any]) -> list[Any]:
        """Return the wanted values of an unpacked section."""
        found = [Absent.ABSENT if place is None else section[place] for place in self.places]
        restore_moments(found, self.moments)
        return found


def selector(
    codecs: dict[int, SchemaCodec], numbers: dict[str, list[int]], columns: Columns
) -> Callable[[Sections], Selection]:
    """Return what selects the values of these columns.

    Args:
        codecs: the schemas by number.
        numbers: the numbers of each view's schemas, the newest first.
        columns: names of features by view.
    """
    views = [
        ([_part(number, codecs[number], names) for number in numbers.get(view, ())], names) for view, names in columns
    ]
    newest = [(parts[0].number, parts[0].take) if parts and parts[0].take else (-1, _nothing) for parts, _ in views]
    moments, count = [], 0
    for parts, names in views:
        moments += [
            (count + place, convert, is_list) for place, convert, is_list in (parts[0].moments if parts else ())
        ]
        count += len(names)

    def select(sections: Sections) -> Selection:
        times: list[int] = []
        values: list[Any] = []
        get = sections.get
        for number, take in newest:
            packed = get(number)
            if packed is None:
                return select_any(sections)
            section = _unpack(packed)
            times.append(section[0])
            values += take(section)
        if moments:
            restore_moments(values, moments)
        # As Selection(…), in half the time.
        return _new(Selection, (tuple(times), values, True))

    def select_any(sections: Sections) -> Selection:
        times: list[int | None] = []
        values: list[Any] = []
        is_whole = True
        for parts, names in views:
            part = next((one for one in parts if one.number in sections), None)
            if part is None:
                times.append(None)
                values += [Absent.ABSENT] * len(names)
                is_whole = False
                continue
            section = _unpack(sections[part.number])
            times.append(section[0])
            values += part.values(section)
            is_whole = is_whole and part.take is not None
        return Selection(tuple(times), values, is_whole)

    return select


def _part(number: int, codec: SchemaCodec, names: Sequence[str]) -> _Part:
    place_of = {name: place for place, name in enumerate(codec.schema.names)}
    places = tuple(None if name not in place_of else VALUES_AT + place_of[name] for name in names)
    known = [place for place in places if place is not None]
    moments = {place + VALUES_AT: (convert, is_list) for place, convert, is_list in codec.moments}
    wanted = tuple((at, *moments[place]) for at, place in enumerate(places) if place in moments)
    if len(known) < len(places) or not known:
        return _Part(number, places, None, wanted)
    # Of a list, a slice is a list as well.
    take = itemgetter(*known) if len(known) > 1 else itemgetter(slice(known[0], known[0] + 1))
    return _Part(number, places, take, wanted)


def _nothing(section: Sequence[Any]) -> Sequence[Any]:
    return section[:0]
