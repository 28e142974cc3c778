"""Measures the time of physical erasure from a table of 15 million rows in 60 files.

`python -m bench.rights.erasure_time`. One person, and 1,000 persons together, are erased from a table in order of time,
in which every file has rows of most persons. The time of the verification is stated beside it. As the measure of a
whole rewrite, the same table is written once by the same writer in the same run.
"""

from __future__ import annotations

import datetime
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.transaction import create_table_with_add_actions

from bench.claim import Claim
from bench.options import make_parser
from bench.rights.table_form import Person, invent
from installation.installation import Installation
from installation.object_store.place import open_filesystem
from installation.settings import load_settings
from pipelines.erasure.delta_rewrite import rewrite_table
from pipelines.erasure.lakehouse_store import LakehouseStore
from pipelines.ingest.staging_area import StagingArea
from privacy.rights.subject_store import OutcomeKind

TABLE = "gold/purchase"
NOW = datetime.datetime(2026, 1, 1)


def main() -> None:
    """Write the table, erase one person, then a thousand."""
    options = make_parser(__doc__).parse_args()
    files, rows, people = (6, 20_000, 2_000) if options.quick else (60, 250_000, 25_000)
    persons = invent(people)
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        settings = load_settings(data_dir=Path(folder) / "data", secret_dir=Path(folder) / "secret")
        with Installation(settings) as installation:
            location = installation.lakehouse.path(TABLE)
            write(location, persons, files, rows)
            started, used = time.monotonic(), _processor_seconds()
            rewrite_table(location, _Everything(), {}, NOW)
            whole, whole_processor = time.monotonic() - started, _processor_seconds() - used
            shutil.rmtree(location)
            write(location, persons, files, rows)
            total = f"of {files * rows:,} rows in {files} files"
            for count, bar in ((1, 60.0), (min(1000, people // 4), 1.5 * whole)):
                first = 0 if count == 1 else 1
                subjects = [person.subject() for person in persons[first : first + count]]
                store = LakehouseStore(installation)
                started, used = time.monotonic(), _processor_seconds()
                outcome = store.erase(subjects)
                assert outcome.kind is OutcomeKind.DONE, outcome.reason
                seconds, processor = time.monotonic() - started, _processor_seconds() - used
                name = f"physical erasure of {count} {total}"
                peer = "" if count == 1 else "one rewrite of the whole table"
                Claim(name, seconds, "s", None if count == 1 else whole, peer, bar).print_json()
                # Beside the time: other programs on the machine slow each part by another factor.
                other = None if count == 1 else whole_processor
                limit = None if other is None else 1.5 * other
                Claim(f"{name}, processor", processor, "s", other, peer, limit).print_json()
                started = time.monotonic()
                assert store.verify(subjects).is_clean
                Claim(f"verification after {name}", time.monotonic() - started, "s").print_json()
            left = DeltaTable(location).version()
            Claim("versions of the table at the end", left, "versions").print_json()


class _Everything:
    """Marks no row, but has every file written again."""

    def columns(self, present: pa.Schema) -> list[str]:
        return [present.names[0]]

    def mark(self, rows: pa.RecordBatch) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        return np.zeros(rows.num_rows, np.bool_)

    def is_stained(self, rows: pa.RecordBatch) -> bool:
        return True

    def change(self, rows: pa.RecordBatch, marked: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> pa.RecordBatch:
        return rows


def write(location: str, persons: list[Person], files: int, rows: int) -> None:
    """Write a table of purchases in order of time: customer, product, store, price, day."""
    filesystem, folder = open_filesystem(location, {})
    filesystem.create_dir(folder, recursive=True)
    actions = []
    schema = None
    for batch in _batches(persons, files, rows):
        area = StagingArea(filesystem, folder)
        area.write(batch)
        actions += [file.add_action(NOW) for file in area.finish()]
        schema = batch.schema
    assert schema is not None
    plain = pa.schema(
        [("customer_id", pa.string()), *((one.name, one.type) for one in schema if one.name != "customer_id")]
    )
    create_table_with_add_actions(
        location, Schema.from_arrow(plain), actions, commit_properties=CommitProperties(custom_metadata={})
    )


def _batches(persons: list[Person], files: int, rows: int) -> Iterator[pa.RecordBatch]:
    random = np.random.default_rng(5)
    ids = pa.array([person.customer_ids[0] for person in persons])
    for number in range(files):
        yield pa.record_batch(
            {
                "customer_id": pa.DictionaryArray.from_arrays(
                    pa.array(random.integers(0, len(persons), rows).astype(np.int32)), ids
                ),
                "product_id": pa.array(random.integers(0, 90_000, rows)),
                "store_id": pa.array(random.integers(0, 500, rows)),
                "quantity": pa.array(random.integers(1, 9, rows).astype(np.int32)),
                "price": pa.array(random.integers(50, 5000, rows) / 100),
                "bought_at": pa.array(np.sort(random.integers(0, 86_400_000_000, rows)) + number * 86_400_000_000).cast(
                    pa.timestamp("us")
                ),
            }
        )


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
