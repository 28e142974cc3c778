"""People as their registers describe them, in clear and in memory only: what probabilistic matching compares.

A register of people is a source whose rows are persons by contract: its subject key is a member or card number (a
column with such a token), and it holds a name or a birth date. A parcel or a support ticket is none: its subject key
names the parcel, and the name on it may be anybody's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from pipelines.contracts.document import Column, Contract, Contracts
from pipelines.identity.mapping import Mapping
from pipelines.identity.record import ANCHOR_KINDS
from pipelines.lakehouse import Lakehouse
from pipelines.rows import read_rows

PURPOSE = "identity_resolution"
"""Columns that do not serve it are not read."""
RECORD_COLUMNS = ("kind", "token", "source", "seen_at")
Reveal = Callable[[Contract, pa.Table], pa.Table]
"""Turns the protected columns of a source's rows into clear text, in memory."""

_LOAD = ("_loaded_at", "_load_id", "_source_file", "_line")
_BY_TOKEN = {"name": "name", "phone": "phone", "email": "email", "account_no": "household"}
_BY_CATEGORY = {
    "pd:Name": "latin_name", "pd:BirthDate": "birth_date", "pd:Gender": "sex", "pd:TelephoneNumber": "phone",
    "pd:EmailAddress": "email", "pd:PhysicalAddress": "address", "pd:PostalCode": "postal_code",
    "pd:Location": "place", "pd:Region": "place", "pd:City": "place", "pd:Locality": "place",
}  # fmt: skip
_TELLING = ("name", "latin_name", "birth_date")


def as_it_lies(_: Contract, rows: pa.Table) -> pa.Table:
    """Return the rows as they are: for a lakehouse whose identifiers lie in clear."""
    return rows


@dataclass(frozen=True)
class PersonRecords:
    """One row a person of a register, by its member or card number.

    `frame` has RECORD_COLUMNS (`kind` and `token` of the number, unique together; `source`; `seen_at`, when the
    newest version of the row was loaded) and one text column a part, null where unknown: `name`, `birth_date`,
    `place_0`, …; sorted by kind and token, so that row numbers are the same on every engine. Never write it anywhere.
    """

    frame: pd.DataFrame

    def __len__(self) -> int:
        """How many people are on record."""
        return len(self.frame)

    @property
    def parts(self) -> pd.DataFrame:
        """The columns that are compared."""
        return self.frame.drop(columns=[name for name in RECORD_COLUMNS if name != "source"])

    @property
    def mapping(self) -> Mapping:
        """Which column plays which part."""
        found: dict[str, list[str]] = {}
        for name in self.parts.columns:
            if name != "source":
                found.setdefault(name.rpartition("_")[0] if name[-1].isdigit() else name, []).append(name)
        return Mapping(source="source", **{part: tuple(names) for part, names in found.items()})  # type: ignore[arg-type]


def person_registers(contracts: Contracts) -> tuple[Contract, ...]:
    """Return the sources whose rows are people, see the module."""
    return tuple(c for c in contracts.sources if _key_column(c) is not None and {*part_columns(c)} & {*_TELLING})


def part_columns(contract: Contract) -> dict[str, Column]:
    """Return the columns that describe a person, by part; several places are numbered.

    The column with the token `name` is the name; another column of category pd:Name is the same name in Latin letters.
    """
    found: dict[str, Column] = {}
    places = 0
    for column in contract.columns:
        part = _BY_TOKEN.get(column.token) if column.token else _BY_CATEGORY.get(column.category)
        if part is None or PURPOSE not in column.purposes:
            continue
        if part == "place":
            part, places = f"place_{places}", places + 1
        found.setdefault(part, column)
    return found


def read_person_records(lakehouse: Lakehouse, contracts: Contracts, reveal: Reveal = as_it_lies) -> PersonRecords:
    """Read the people of all registers, the newest row of each.

    This is the only place where matching sees identifiers in clear. `reveal` decrypts; what it returns stays in memory.
    """
    frames = [_read(lakehouse, c, reveal) for c in person_registers(contracts) if lakehouse.exists(c.table)]
    if not frames:
        return PersonRecords(pd.DataFrame(columns=list(RECORD_COLUMNS)))
    frame = pd.concat(frames, ignore_index=True).sort_values("seen_at", kind="stable")
    frame = frame.drop_duplicates(["kind", "token"], keep="last").sort_values(["kind", "token"], ignore_index=True)
    parts = [name for name in frame.columns if name not in RECORD_COLUMNS]
    return PersonRecords(frame.astype(dict.fromkeys(parts, object)).where(frame.notna(), None))


def _read(lakehouse: Lakehouse, contract: Contract, reveal: Reveal) -> pd.DataFrame:
    key, parts = _key_column(contract), part_columns(contract)
    assert key is not None
    # A household is compared by its token: that it is the same is all there is to know.
    names = {part: str(c.token_name) if part == "household" else c.name for part, c in parts.items()}
    # What ingest noted of a row (whose name starts with _) may be what its protection is bound to.
    noted = [field.name for field in lakehouse.delta(contract.table).schema().fields if field.name.startswith("_")]
    wanted = list(dict.fromkeys([str(key.token_name), *names.values(), *noted]))
    rows = reveal(contract, read_rows(lakehouse, contract.table, wanted))
    frame = pd.DataFrame({part: _text(rows[name]) for part, name in names.items()})
    frame["kind"], frame["token"] = str(key.token), rows[str(key.token_name)].to_pandas()
    frame["source"] = contract.name
    loads = rows.select(list(_LOAD)).to_pandas()
    frame["seen_at"] = loads["_loaded_at"].astype("datetime64[us]")
    order = loads.sort_values(list(_LOAD), kind="stable").index
    newest: pd.DataFrame = frame.loc[order].dropna(subset=["token"]).drop_duplicates("token", keep="last")
    return newest


def _text(column: pa.ChunkedArray) -> pd.Series:
    text: pd.Series = column.cast(pa.string()).to_pandas().astype(object)
    return text


def _key_column(contract: Contract) -> Column | None:
    """The subject key, where it is a person's own number and names a row."""
    for column in contract.columns:
        if column.name == contract.subject_key and column.primary_key and column.token in ANCHOR_KINDS:
            return column
    return None
