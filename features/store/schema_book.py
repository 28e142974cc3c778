"""The schemas of a store by number. Rows name a schema by its number, so that they need not repeat names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import cast

import msgpack

from features.store.errors import StoreDamaged
from features.store.online_store import Columns, Selection, StoredRow, ValueKind, ViewSchema
from features.store.packed_row import SchemaCodec, Sections
from features.store.selection import selector

# Selectors that are kept: one for each feature service and purpose in use.
_SELECTORS = 256


class SchemaBook:
    """The schemas that a store knows. A view has a further number for each change of its features."""

    def __init__(self, texts: Mapping[int, bytes]) -> None:
        """Read the schemas from their stored texts by number.

        Raises:
            StoreDamaged: a text is not a schema.
        """
        try:
            self.codecs = {number: SchemaCodec(_read(text)) for number, text in texts.items()}
        except (ValueError, TypeError, KeyError, msgpack.UnpackException) as error:
            raise StoreDamaged("A schema of the online store cannot be read. Materialise into a new folder.") from error
        self.numbers: dict[str, list[int]] = {}
        for number, codec in sorted(self.codecs.items(), reverse=True):
            self.numbers.setdefault(codec.schema.view, []).append(number)
        self._selectors: dict[Columns, Callable[[Sections], Selection]] = {}

    def __len__(self) -> int:
        """Number of schemas."""
        return len(self.codecs)

    def has_all(self, sections: Sections) -> bool:
        """Return whether every schema number of a row is known."""
        return sections.keys() <= self.codecs.keys()

    def numbers_of(self, views: Iterable[str]) -> set[int]:
        """Return the numbers of all schemas of these views."""
        return {number for view in views for number in self.numbers.get(view, ())}

    def reader(self, views: tuple[str, ...] | None) -> Callable[[Sections], StoredRow]:
        """Return what reads the values of a row by view, of the named views or of all."""
        names = tuple(self.numbers) if views is None else views
        plan = [(view, number, self.codecs[number].view) for view in names for number in self.numbers.get(view, ())]

        def read(sections: Sections) -> StoredRow:
            row: StoredRow = {}
            for view, number, decode in plan:
                if (section := sections.get(number)) is not None:
                    row[view] = decode(section)
            return row

        return read

    def selector(self, columns: Columns) -> Callable[[Sections], Selection]:
        """Return what reads chosen values of a row."""
        known = self._selectors.get(columns)
        if known is None:
            if len(self._selectors) >= _SELECTORS:
                self._selectors.clear()
            known = self._selectors[columns] = selector(self.codecs, self.numbers, columns)
        return known


def text_of(schema: ViewSchema) -> bytes:
    """Return the stored text of a schema."""
    text: bytes = msgpack.packb([schema.view, [[name, kind.value] for name, kind in schema.columns]])
    return text


def _read(text: bytes) -> ViewSchema:
    view, columns = cast("tuple[str, list[tuple[str, str]]]", msgpack.unpackb(text))
    return ViewSchema(view, tuple((name, ValueKind(kind)) for name, kind in columns))
