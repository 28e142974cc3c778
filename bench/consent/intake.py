"""Measures the intake of landed consents into the consent record, when no row or one row has changed.

Works on a copy of the data folder of a finished run (`--data`). The changed row lands again with another state, so that
each run makes one correction. The time in which the engine reads the landed rows is printed to stderr.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import pyarrow as pa

from bench.claim import of_runs
from bench.options import make_parser, runs_of
from installation.installation import Installation
from installation.reference_date import LANDED_CONSENTS, fixed_date
from installation.settings import load_settings
from pipelines.consent.intake import INPUTS, landed_records, take_in_records
from pipelines.derived_table.input_table import read_table
from pipelines.derived_table.table import BuildContext
from pipelines.engine.session import open_engine
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse

RUNS = 5
STATES = ("refused", "withdrawn", "given")


def land_again(lakehouse: SparkLakehouse, run: int) -> None:
    """Append a copy of one landed row, with a later load time and a changed consent state."""
    first = lakehouse.select(LANDED_CONSENTS, "min(record_id) AS first")["first"][0].as_py()
    rows = lakehouse.select(LANDED_CONSENTS, "*", f"record_id = '{first}'")
    row = max(rows.to_pylist(), key=lambda found: found["_loaded_at"])
    row |= {"state": next(state for state in STATES if state != row["state"]), "_load_id": f"bench_{run}"}
    row["_loaded_at"] += timedelta(days=1)
    lakehouse.append_rows(LANDED_CONSENTS, pa.Table.from_pylist([row], schema=rows.schema))


def main() -> int:
    """Measure the intake in a copy of the folder that `--data` names."""
    parser = make_parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="data folder of a finished run; it is copied")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as spare:
        folder = Path(spare) / "data"
        for part in ("consent", "lakehouse/bronze/consent_event", "lakehouse/bronze/crm_customer"):
            shutil.copytree(chosen.data / part, folder / part)
        day = fixed_date(load_settings(data_dir=chosen.data))
        settings = load_settings(engine="sail", data_dir=folder, lakehouse_root=str(folder / "lakehouse"), run_date=day)
        with Installation(settings) as installation, open_engine(settings) as engine:
            spark = engine.spark
            lakehouse = SparkLakehouse(settings.lakehouse_root, spark)
            day = installation.reference_date()
            times: dict[str, list[float]] = {"nothing": [], "one row": []}
            for run in range(runs_of(chosen, RUNS) + 1):
                for change in times:
                    if change == "one row":
                        land_again(lakehouse, run)
                    view = installation.consent_view()
                    context = BuildContext(installation.contracts, day, lambda: "", spark, view)
                    started, used = time.perf_counter(), time.process_time()
                    result = take_in_records(lakehouse, context, view)
                    seconds, used = time.perf_counter() - started, time.process_time() - used
                    print(f"{change}, run {run}: {seconds:.3f} s, {used:.3f} s of processor, {result}", file=sys.stderr)
                    if run:
                        times[change].append(seconds)
                started = time.perf_counter()
                landed = landed_records(*(read_table(name, lakehouse, context) for name in INPUTS)).toArrow()
                print(f"engine: {len(landed)} rows in {time.perf_counter() - started:.3f} s", file=sys.stderr)
        for change, seconds_taken in times.items():
            of_runs(
                f"consent intake of {len(landed):,} landed records, {change} changed", seconds_taken, "s"
            ).print_json()
    return 0


if __name__ == "__main__":
    sys.exit(main())
