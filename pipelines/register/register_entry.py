"""Reads the register entries that probabilistic matching compares. They are decrypted in memory only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from installation.contract.document import Contract, Contracts
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.matching.mapping import Mapping
from pipelines.register.register_contract import key_column, part_columns, register_contracts
from pipelines.register.sketch_book import COLUMNS, SketchBook, no_rows

SKETCH = "silver/identity_sketch"
RECORD_COLUMNS = ("kind", "token", "source", "seen_at")
Ints = NDArray[np.int64]
ReadParts = Callable[[Ints], pd.DataFrame]
"""Returns the decrypted values of the given rows: one text column per part."""
Reveal = Callable[[Contract, pa.Table], pa.Table]
"""Returns a source's rows with the protected columns decrypted, in memory."""

_LOAD = ("_loaded_at", "_load_id", "_source_file", "_line")


def without_decryption(_: Contract, rows: pa.Table) -> pa.Table:
    """Return the rows unchanged, for a lakehouse whose identifiers are not encrypted."""
    return rows


class RegisterEntries:
    """Register entries, one row per member or card number; their values are decrypted when `describe` asks for them.

    Attributes:
        frame: columns RECORD_COLUMNS: `kind` and `token` of the number (unique together), `source`, and `seen_at`, the
            load time of the newest version of the entry. Sorted by kind and token, so that row numbers are the same on
            every engine.
        part_names: the parts that registers describe: `name`, `birth_date`, `place_0` and so on.
        book: the stored sketches of people.
    """

    def __init__(
        self, frame: pd.DataFrame, part_names: Sequence[str], read: ReadParts, book: SketchBook | None = None
    ) -> None:
        self.frame = frame
        self.part_names = tuple(part_names)
        self.book = book or SketchBook()
        self._read = read
        self._is_read = np.zeros(len(frame), dtype=bool)
        self._parts = {name: np.full(len(frame), None, dtype=object) for name in part_names}

    @classmethod
    def of(cls, frame: pd.DataFrame, book: SketchBook | None = None) -> RegisterEntries:
        """Return entries whose values are columns of the frame, beside RECORD_COLUMNS; text, null if unknown."""
        names = [name for name in frame.columns if name not in RECORD_COLUMNS]
        return cls(frame[list(RECORD_COLUMNS)], names, lambda rows: frame[names].iloc[rows], book)

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self.frame)

    @property
    def all_rows(self) -> Ints:
        """All row numbers."""
        return np.arange(len(self), dtype=np.int64)

    @property
    def read_count(self) -> int:
        """Number of entries that were decrypted so far."""
        return int(self._is_read.sum())

    def describe(self, rows: Ints) -> pd.DataFrame:
        """Return the decrypted values of the given rows: `source` and one text column per part, null if unknown.

        Each entry is decrypted only once. Callers must not persist the result.
        """
        missing = np.unique(rows[~self._is_read[rows]])
        if len(missing):
            found = self._read(missing)
            for name in self.part_names:
                values = found[name].astype(object)
                self._parts[name][missing] = values.where(values.notna(), None).to_numpy()
            self._is_read[missing] = True
        values_by_part = {name: self._parts[name][rows] for name in self.part_names}
        return pd.DataFrame({"source": self.frame["source"].to_numpy()[rows], **values_by_part}, dtype=object)

    @property
    def mapping(self) -> Mapping:
        """The columns of each part in the result of `describe`."""
        found: dict[str, list[str]] = {}
        for name in self.part_names:
            found.setdefault(name.rpartition("_")[0] if name[-1].isdigit() else name, []).append(name)
        return Mapping(source="source", **{part: tuple(names) for part, names in found.items()})  # type: ignore[arg-type]


def read_register_entries(
    lakehouse: Lakehouse, contracts: Contracts, reveal: Reveal = without_decryption, book: SketchBook | None = None
) -> RegisterEntries:
    """Read the newest entry of each person from all registers.

    No other function of the matching sees decrypted identifiers. Entries are decrypted when `describe` asks for them,
    and stay in memory.

    Args:
        lakehouse: where the registers are.
        contracts: state which sources are registers and which columns describe a person.
        reveal: decrypts rows of a register.
        book: the stored sketches; an empty book if left out.
    """
    registers = [_Register(lakehouse, c, reveal) for c in register_contracts(contracts) if lakehouse.exists(c.table)]
    if not registers:
        return RegisterEntries.of(pd.DataFrame(columns=list(RECORD_COLUMNS)), book)
    frame = pd.concat([r.outline.assign(register=n) for n, r in enumerate(registers)], ignore_index=True)
    frame = frame.sort_values("seen_at", kind="stable").drop_duplicates(["kind", "token"], keep="last")
    frame = frame.sort_values(["kind", "token"], ignore_index=True)
    names = list(dict.fromkeys(name for register in registers for name in register.columns))
    of_register, line = frame["register"].to_numpy(), frame["line"].to_numpy()

    def read(rows: Ints) -> pd.DataFrame:
        found = pd.DataFrame(None, index=np.arange(len(rows)), columns=names, dtype=object)
        for number, register in enumerate(registers):
            mine = np.flatnonzero(of_register[rows] == number)
            if len(mine):
                values = register.describe(line[rows[mine]])
                found.loc[mine, list(values.columns)] = values.to_numpy(dtype=object)
        return found

    return RegisterEntries(frame[list(RECORD_COLUMNS)], names, read, book)


def stored_sketches(lakehouse: Lakehouse) -> pd.DataFrame:
    """Return the rows of the sketch book that the last run wrote; no rows if there was no run."""
    if not lakehouse.exists(SKETCH):
        return no_rows()
    rows: pd.DataFrame = lakehouse.rows(SKETCH, list(COLUMNS)).to_pandas()
    return rows.astype({"seen_at": "datetime64[us]"})


class _Register:
    """The rows of one register, not decrypted."""

    def __init__(self, lakehouse: Lakehouse, contract: Contract, reveal: Reveal) -> None:
        key = key_column(contract)
        assert key is not None
        # A household is compared by its token, because only its equality matters.
        parts = part_columns(contract)
        self.columns = {part: str(c.token_name) if part == "household" else c.name for part, c in parts.items()}
        # Columns that ingest added (their names start with _) may be needed to decrypt a row.
        added = [field.name for field in lakehouse.delta(contract.table).schema().fields if field.name.startswith("_")]
        wanted = list(dict.fromkeys([str(key.token_name), *self.columns.values(), *added]))
        self._contract, self._reveal = contract, reveal
        self._rows = lakehouse.rows(contract.table, wanted)
        self._key = key

    @property
    def outline(self) -> pd.DataFrame:
        """Return the newest row of each person: RECORD_COLUMNS and `line`, its position in this table."""
        frame = self._rows.select(list(_LOAD)).to_pandas()
        frame["kind"], frame["token"] = str(self._key.token), self._rows[str(self._key.token_name)].to_pandas()
        frame["source"], frame["line"] = self._contract.name, np.arange(len(frame))
        frame["seen_at"] = frame["_loaded_at"].astype("datetime64[us]")
        frame = frame.sort_values(list(_LOAD), kind="stable").dropna(subset=["token"])
        newest: pd.DataFrame = frame.drop_duplicates("token", keep="last")[[*RECORD_COLUMNS, "line"]]
        return newest

    def describe(self, lines: Ints) -> pd.DataFrame:
        """Return the decrypted values of the rows at these positions: one column per part."""
        rows = self._reveal(self._contract, self._rows.take(pa.array(lines)))
        return pd.DataFrame({part: _text(rows[name]) for part, name in self.columns.items()})


def _text(column: pa.ChunkedArray) -> pd.Series:
    text: pd.Series = column.cast(pa.string()).to_pandas().astype(object)
    return text
