"""One release on the engine: python -m bench.anonymity.scale ROWS [PARTITIONS]: rows, units, seconds, peak memory.

The table: nine skewed quasi-identifiers (about 5 × 10^11 cells) and a sensitive column, from a hash of the row number,
written as Parquet first so that the release reads it as it would any table.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from pipelines.config import load_settings
from pipelines.engine import open_engine
from privacy.anonymity import Spec
from privacy.anonymity.on_engine import anonymize_on_engine

SIZES = (2, 12, 5, 7, 16, 41, 7, 17, 9)
SKEW = 3.0
"""Values are the cube of a uniform number times the size: low values are common, high ones rare."""


def make_sql(rows: int) -> str:
    """The table as SQL over the engine's own range."""
    columns = []
    for j, size in enumerate((*SIZES, 8)):
        uniform = f"(abs(hash(id, {j * 7919 + 13})) % 1000003) / 1000003.0D"
        columns.append(f"cast(floor(pow({uniform}, {SKEW}) * {size}) as int) as {'secret' if j == 9 else f'q{j}'}")
    return f"SELECT {', '.join(columns)} FROM range({rows})"


def make_spec(block: int = 20_000) -> Spec:
    """K = 5 over all nine columns with range labels."""
    columns: dict[str, dict[str, object]] = {f"q{j}": {"role": "quasi", "is_ordered": True} for j in range(len(SIZES))}
    columns["secret"] = {"role": "sensitive"}
    models = [{"name": "k_anonymity", "k": 5}]
    return Spec.model_validate({"columns": columns, "models": models, "block_tuples": block})


def main() -> int:
    """Make the table, release it, write the release."""
    rows = int(sys.argv[1])
    partitions = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    engine_name = sys.argv[3] if len(sys.argv) > 3 else "sail"
    with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as folder:
        settings = load_settings(engine=engine_name, data_dir=Path(folder), engine_memory="4GB")
        with open_engine(settings) as engine:
            engine.spark.sql(make_sql(rows)).write.parquet(f"{folder}/in")
            source = engine.spark.read.parquet(f"{folder}/in")
            frame = source.repartition(partitions) if partitions else source
            start = time.perf_counter()
            release = anonymize_on_engine(frame, make_spec())
            searched = time.perf_counter() - start
            release.frame.write.parquet(f"{folder}/out")
            seconds = time.perf_counter() - start
            digest = engine.spark.read.parquet(f"{folder}/out").selectExpr("sum(hash(*))", "count(*)").collect()[0]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        json.dumps(
            {
                "rows": rows,
                "units": release.units,
                "classes": release.classes,
                "loss": round(release.loss, 5),
                "is_passed": release.verdict.is_passed,
                "seconds_to_verdict": round(searched, 1),
                "seconds": round(seconds, 1),
                "peak_gib": round(peak, 2),
                "digest": str(digest),
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
