"""Measures releases of 1, 10 and 100 million rows on the engine: python -m bench.anonymity.scale [MILLIONS ...].

The engine makes the table. A hash of the row number draws each row from twenty copies of Adult, in which one value in
two thousand comes from another row. Two quasi-identifiers are added: 17 regions, and households of 1 to 7. Every
release runs in a separate process; its peak memory is that of its whole process tree. Give the rows in millions,
for example 1 10 100.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.anonymity import peers
from bench.anonymity.adult import QUASI, SECRET, add_data, data_folder, read_adult
from bench.claim import Claim
from bench.options import make_parser
from bench.process import Measured, run_measured
from installation.settings import load_settings
from pipelines.engine.session import Engine, open_engine
from privacy.anonymity import Spec
from privacy.anonymity.engine.engine_release import anonymize_on_engine

COLUMNS = (*QUASI, "region", "household")
REGIONS, HOUSEHOLDS = 17, 7
SWAPPED, COPIES = 2000, 20
"""One in SWAPPED values comes from another row; people are COPIES times Adult."""
MILLION = 1_000_000
BAR_GIB, BAR_SECONDS = 12.0, 5.0
ENGINE_MEMORY = "4GB"
AT_ONCE = 5 * MILLION
"""Number of rows made at a time. Sail builds the hash table of a join from them, so more rows take more memory."""
PER_TEN = 13.0
"""Largest factor of the time for ten times the rows: nearly linear."""


def make_people(data: Path) -> pd.DataFrame:
    """Returns the people from which rows are drawn: `COPIES` copies of Adult, one in `SWAPPED` values exchanged."""
    adult = read_adult(data)
    random = np.random.default_rng(1994)
    number = np.tile(np.arange(len(adult)), COPIES)
    columns: dict[str, Any] = {"number": np.arange(len(number))}
    for name in (*QUASI, SECRET):
        other = random.integers(0, len(adult), len(number))
        picked = np.where(random.random(len(number)) * SWAPPED < 1, other, number)
        columns[name] = adult[name].to_numpy()[picked]
    return pd.DataFrame(columns)


def make_sql(first: int, last: int, people: int) -> str:
    """Returns SQL that makes the rows `first` to `last` from the engine's range and the view `people`."""
    kept = ", ".join(f"`{name}`" for name in (*QUASI, SECRET))
    return f"""
        SELECT {kept}, CAST(floor(pow((abs(hash(id, 1)) % 1000003) / 1000003.0D, 2) * {REGIONS}) AS INT) AS region,
            CAST(1 + floor((abs(hash(id, 2)) % 1000003) / 1000003.0D * {HOUSEHOLDS}) AS INT) AS household
        FROM people JOIN (SELECT id, abs(hash(id, 3)) % {people} AS drawn FROM range({first}, {last})) AS place
            ON people.number = place.drawn
    """


def make_spec(**limits: Any) -> Spec:
    """Returns the specification of the release: k=5 over all nine columns, set and range labels, the lowest effort."""
    columns: dict[str, dict[str, Any]] = {
        name: {"role": "quasi", "is_ordered": name in ("age", "household")} for name in COLUMNS
    }
    columns[SECRET] = {"role": "sensitive"}
    models = [{"name": "k_anonymity", "k": 5}]
    return Spec.model_validate({"columns": columns, "models": models, "effort": 1, **limits})


def make_table(engine: Engine, rows: int, folder: Path, data: Path) -> None:
    """Writes the table as Parquet to the folder, from which the release reads it."""
    people = make_people(data)
    people.to_parquet(folder / "people.parquet")
    engine.spark.read.parquet(str(folder / "people.parquet")).createOrReplaceTempView("people")
    for first in range(0, rows, AT_ONCE):
        part = engine.spark.sql(make_sql(first, min(first + AT_ONCE, rows), len(people)))
        part.write.mode("append").parquet(str(folder / "in"))


def release_table(engine: Engine, folder: Path) -> dict[str, Any]:
    """Releases the table into the scratch folder; returns its time and scores."""
    start = time.perf_counter()
    release = anonymize_on_engine(engine.spark.read.parquet(str(folder / "in")), make_spec(), str(folder / "scratch"))
    seconds = time.perf_counter() - start
    return {
        "seconds": seconds,
        "units": release.units,
        "classes": release.classes,
        "loss": release.loss,
        "k": release.verdict.measured["k_anonymity"],
        "rows": release.frame.count(),
    }


def step(action: str, rows: int, folder: Path, data: Path) -> None:
    """Runs one step in this process: `make` or `release`."""
    settings = load_settings(engine="sail", data_dir=folder / "data", engine_memory=ENGINE_MEMORY)
    with open_engine(settings) as engine:
        if action == "make":
            make_table(engine, rows, folder, data)
        else:
            print(json.dumps(release_table(engine, folder)))


def _apart(action: str, rows: int, folder: Path, data: Path) -> Measured:
    words = ["--step", action, "--folder", str(folder), "--data", str(data), str(rows)]
    return run_measured([sys.executable, "-m", "bench.anonymity.scale", *words])


def _anjana(folder: Path, data: Path) -> float:
    """Returns the seconds that ANJANA takes on the same table, read as CSV, with hierarchies for all nine columns."""
    frame = pd.read_parquet(folder / "in").astype(str)
    frame.to_csv(folder / "adult.csv", sep=";", index=False)
    for name in QUASI:
        shutil.copy(data / f"adult_hierarchy_{name}.csv", folder)
    for name in ("region", "household"):
        lines = [f"{value};*" for value in sorted(frame[name].unique())]
        (folder / f"adult_hierarchy_{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return peers.run_anjana(folder, 5, folder / "anjana.csv", COLUMNS)


def main() -> int:
    """Measures every size, the smallest first, and prints the growth of the time."""
    parser = make_parser(__doc__, "python -m bench.anonymity.scale")
    add_data(parser)
    parser.add_argument("rows", nargs="*", type=int, metavar="ROWS", help="in millions; 1 10 by default, 1 when quick")
    parser.add_argument("--alone", action="store_true", help="without ANJANA")
    parser.add_argument("--step", choices=("make", "release"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    data = data_folder(options)
    if options.step:
        step(options.step, options.rows[0], options.folder, data)
        return 0
    before: tuple[int, float] | None = None
    for size in options.rows or ((1,) if options.quick else (1, 10)):
        with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as name:
            folder = Path(name)
            _apart("make", size * MILLION, folder, data)
            measured = _apart("release", size * MILLION, folder, data)
            found = json.loads(measured.output.splitlines()[-1])
            if found["rows"] != size * MILLION or found["k"] < 5:
                raise SystemExit(f"the release of {size} M rows is broken: {found}")
            subject = f"{size} M rows × {len(COLUMNS)} quasi-identifiers"
            peer = _anjana(folder, data) if size == 1 and not options.alone else None
            print(f"  {json.dumps(found)}", flush=True)
            bar = BAR_SECONDS if size == 1 else None
            Claim(f"time, {subject}", found["seconds"], "s", peer, "ANJANA" if peer else "", bar).print_json()
            Claim(f"peak memory, {subject}", measured.peak_gib, "GiB", bar=BAR_GIB).print_json()
            if before is not None and size == 10 * before[0]:
                growth = f"growth of time, {before[0]} M to {size} M rows"
                Claim(
                    growth, found["seconds"], "s", before[1], f"{before[0]} M rows", PER_TEN, on_ratio=True
                ).print_json()
            before = (size, found["seconds"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
