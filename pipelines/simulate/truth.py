"""Writes the ground truth for evaluation: people, the true person of each record, and the place of each fault."""

from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.simulate.file_writer import arrow_column
from pipelines.simulate.records import Records
from pipelines.simulate.text import day_text
from pipelines.simulate.world import World
from privacy.storage.atomic_file import PRIVATE_MODE, create_private_folder

_DIRT = pa.schema(
    [
        ("source", pa.string()),
        ("file", pa.string()),
        ("row", pa.int64()),
        ("line", pa.int64()),
        ("key", pa.string()),
        ("kind", pa.string()),
        ("column", pa.string()),
        ("breaks_contract", pa.bool_()),
    ]
)
_RECORD = pa.schema([("source", pa.string()), ("key", pa.string()), ("person_id", pa.string())])


class Truth:
    """Writes person.parquet, record.parquet and dirt.parquet to the folder `root`, one replica after the other.

    The files hold names in the clear, so only their owner may read them.

    `rows` holds the number of rows written to each file so far.
    """

    def __init__(self, root: Path) -> None:
        create_private_folder(root)
        self._root = root
        self._writers: dict[str, pq.ParquetWriter] = {}
        self.rows: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._writers.values():
            writer.close()
        for path in self._root.iterdir():
            path.chmod(PRIVATE_MODE)

    def add_people(self, world: World) -> None:
        """Append the people of a replica, with their home at the start of 2018."""
        people, home = world.people, world.people["household"].to_numpy()
        moved = world.has_moved(home, np.full(len(people), np.datetime64("2018-01-01")))
        dong = np.where(moved, world.households["new_dong"].to_numpy()[home], world.households["dong"].to_numpy()[home])
        place = world.regions.iloc[dong]
        names = [
            "role",
            "sex",
            "is_korean",
            "name",
            "name_latin",
            "name_native",
            "name_hangul",
            "previous_name",
            "phone",
            "email",
            "identity_case",
            "is_member",
            "is_principal",
        ]
        dates = {
            "birth_date": people["birth_date"],
            "married_on": people["married_on"],
            "moved_on": world.households["moved_on"].iloc[home],
        }
        self._append(
            "person",
            pa.table(
                {
                    "person_id": pa.array(people["person_id"], pa.string()),
                    "household_id": world.account(home),
                    **{name: arrow_column(people[name]) for name in names},
                    **{name: pa.array(day_text(column.to_numpy()), pa.string()) for name, column in dates.items()},
                    **{name: pa.array(place[name], pa.string()) for name in ("sido", "sigungu", "dong")},
                }
            ),
        )

    def add_accounts(self, world: World) -> None:
        """Append the person to whom the baskets of each account belong, under the source cj_transactions."""
        account = world.account(np.arange(len(world.households))).astype(str).astype(object)
        self._add("cj_transactions", account, world.column("person_id")[world.principal])

    def add_records(self, world: World, records: Records) -> None:
        """Append the person behind each record of a source."""
        keys, person = records.truth()
        self._add(records.source, keys, world.column("person_id")[person])

    def add_dirt(self, dirt: list[pd.DataFrame]) -> None:
        """Append the places of the faults that were planted in a replica."""
        table = pa.Table.from_pandas(pd.concat(dirt, ignore_index=True)[_DIRT.names], _DIRT, preserve_index=False)
        self._append("dirt", table.replace_schema_metadata())

    def _add(self, source: str, keys: np.ndarray, people: np.ndarray) -> None:
        if len(keys):
            table = {
                "source": pa.repeat(source, len(keys)),
                "key": pa.array(keys, pa.string()),
                "person_id": people,
            }
            self._append("record", pa.table(table, schema=_RECORD))

    def _append(self, name: str, table: pa.Table) -> None:
        path = self._root / f"{name}.parquet"
        if name not in self._writers:
            self._writers[name] = pq.ParquetWriter(path, table.schema, compression="snappy")
        self._writers[name].write_table(table)
        key = f"truth/{path.name}"
        self.rows[key] = self.rows.get(key, 0) + table.num_rows
