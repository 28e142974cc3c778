"""Measures residue: 1,000 persons planted in Delta tables of every form are erased together, and nothing is left.

`python -m bench.rights.residue`. Claims: parts of tables in which a person is still found after the erasure (0),
rows of bystanders that differ (0), and skipped steps that the verification did not find (0).

The judge of residues is this script's own: it reads every file of every table as bytes, and every Parquet file decoded
with pandas, and looks for each identifier. It shares no code with the verification.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from bench.claim import Claim
from bench.options import make_parser
from bench.rights.table_form import FORMS, Person, invent, rows_of, with_spark
from installation.installation import Installation
from installation.lakehouse.rows import select
from installation.settings import load_settings
from pipelines.erasure import delta_history, lakehouse_store
from pipelines.erasure.delta_history import find_tables
from pipelines.erasure.delta_rewrite import Rewrite
from pipelines.erasure.lakehouse_store import LakehouseStore
from pipelines.erasure.table_edit import IdentifierEdit
from privacy.rights.subject_store import OutcomeKind

_TRACE = re.compile(rb"c_[a-z2-7]{26}|[0-9a-f]{64}|person\.\d{6}\.planted@example\.org")
_CUT = re.compile(rb"c_[a-z2-7]{24,26}|[0-9a-f]{31,64}|person\.\d{6}\.planted")
"""Identifiers, also cut to the 32 characters that statistics keep."""


def main() -> None:
    """Plant, erase, judge."""
    parser = make_parser(__doc__)
    parser.add_argument("--without-spark", action="store_true", help="leave out the tables that Spark writes")
    options = parser.parse_args()
    count = 40 if options.quick else 1000
    persons = invent(2 * count)
    erased, others = persons[:count], persons[count:]
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        installation = plant(Path(folder), persons, rows_each=6, spark=not options.without_spark)
        with installation:
            before = bystanders(installation, others)
            store, subjects = LakehouseStore(installation), [person.subject() for person in erased]
            started = time.monotonic()
            outcome = store.erase(subjects)
            seconds = time.monotonic() - started
            assert outcome.kind is OutcomeKind.DONE, outcome.reason
            verification = store.verify(subjects)
            Claim(f"erasure of {count} persons from {len(before)} tables", seconds, "s").print_json()
            parts = traces(Path(installation.lakehouse.root), erased)
            Claim("tables with a person left, independent judge", len(parts), "tables", bar=0).print_json()
            own = len(verification.residues) + len(verification.unverifiable)
            Claim("residues and unverifiable parts of the verification", own, "parts", bar=0).print_json()
            after = bystanders(installation, others)
            differing = sum(((before[name] - after[name]) + (after[name] - before[name])).total() for name in before)
            Claim("rows of bystanders that differ", differing, "rows", bar=0).print_json()
    Claim("skipped steps that were not found", missed_steps(20), "steps", bar=0).print_json()


def plant(folder: Path, persons: list[Person], rows_each: int, *, spark: bool) -> Installation:
    """Return an installation whose lakehouse has a table of each form with rows of the persons."""
    installation = Installation(load_settings(data_dir=folder / "data", secret_dir=folder / "secret"))
    rows = rows_of(persons, rows_each)
    gold = Path(installation.lakehouse.root) / "gold"
    gold.mkdir(parents=True)
    for name, write in FORMS.items():
        write(str(gold / name), rows)
    if spark:
        with_spark(gold, rows)
    return installation


def bystanders(installation: Installation, others: list[Person]) -> dict[str, Counter[tuple[Any, ...]]]:
    """Return the rows of bystanders in each table, as a multiset."""
    tokens = pa.array([person.token for person in others])
    found = {}
    for location in find_tables(installation.lakehouse.root):
        rows = select(DeltaTable(location), "*")
        kept = rows.filter(pa.compute.is_in(rows["email_token"], value_set=tokens))
        found[location] = Counter(zip(*(kept[name].to_pylist() for name in sorted(kept.column_names)), strict=True))
    return found


def traces(root: Path, erased: list[Person]) -> set[str]:
    """Return the folders of tables in which an identifier of an erased person occurs: bytes, names, decoded values."""
    wanted = {text.encode() for one in erased for text in (*one.customer_ids, one.token, one.email)}
    cut = {text[:length] for text in wanted for length in (26, 31, 32)}
    found = set()
    for path in root.rglob("*"):
        texts = [str(path.relative_to(root)).encode()]
        if path.is_file():
            texts.append(path.read_bytes())
            if texts[-1][:4] == b"PAR1":
                with pq.ParquetFile(path, read_dictionary=[]) as file:
                    texts.append(repr(file.read().to_pylist()).encode())
                    texts.append(repr(file.metadata.to_dict()).encode())
        for text in texts:
            hits = set(_TRACE.findall(text)) & wanted or {one[:31] for one in _CUT.findall(text)} & cut
            if hits:
                found.add(path.relative_to(root).parts[1])
    return found


def missed_steps(count: int) -> int:
    """Return how many of the deliberately skipped steps the verification does not find."""
    persons = invent(2 * count, seed=13)
    steps = {
        "rewrite": (lakehouse_store, "rewrite_table", lambda *_: Rewrite()),
        "vacuum and log": (lakehouse_store, "forget_history", lambda *_: 0),
        "log kept": (delta_history, "_unneeded", _data_files_only(delta_history._unneeded)),
        "vacuum": (delta_history, "_unneeded", _log_only(delta_history._unneeded)),
        "clean-up of folders and checksums": (delta_history, "_is_current", lambda *_: True),
        "suppression": (LakehouseStore, "suppress", lambda *_: 0),
        "dictionaries": (IdentifierEdit, "change", lambda _, rows, __: rows),
    }
    missed = 0
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        plant(Path(folder) / "planted", persons, 4, spark=False).close()
        for name, (place, attribute, broken) in steps.items():
            copy = Path(folder) / "copy"
            shutil.copytree(Path(folder) / "planted", copy)
            settings = load_settings(data_dir=copy / "data", secret_dir=copy / "secret")
            with Installation(settings) as installation:
                subjects = [person.subject() for person in persons[:count]]
                kept = getattr(place, attribute)
                setattr(place, attribute, broken)
                try:
                    LakehouseStore(installation).erase(subjects)
                finally:
                    setattr(place, attribute, kept)
                is_found = not LakehouseStore(installation).verify(subjects).is_clean
                print(f"skipped {name}: {'found' if is_found else 'NOT FOUND'}", flush=True)
                missed += not is_found
            shutil.rmtree(copy)
    return missed


def _data_files_only(unneeded: Any) -> Any:
    return lambda *arguments: (path for path in unneeded(*arguments) if "_delta_log" not in path)


def _log_only(unneeded: Any) -> Any:
    return lambda *arguments: (path for path in unneeded(*arguments) if "_delta_log" in path)


if __name__ == "__main__":
    main()
