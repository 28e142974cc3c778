"""Measures Tumult Analytics and OpenDP's Polars front end, each in a separate environment.

An environment is made at its first use.

Both answer count, sum and mean by key at ρ = 0.5, with at most ten rows per customer, by the usual calls of their API.
Tumult 0.21 needs pyspark 3.5 and Java; each of its runs opens a session on a cached table, so reading is not counted.
OpenDP 0.16 fails in `truncate_num_groups` after `truncate_per_group(…, by=…)` ("Duplicate: multiple fields with name
'key'"), so it truncates by rows only, which is less work than ours.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from bench.peer_environment import python_with

HOME = Path("bench") / "results"
TUMULT = """
import json, sys, time
from pyspark.sql import SparkSession
from tmlt.analytics import (AddRowsWithID, KeySet, MaxGroupsPerID, MaxRowsPerGroupPerID, QueryBuilder, RhoZCDPBudget,
                            Session)
path, runs = sys.argv[1], int(sys.argv[2])
build = SparkSession.builder.master("local[*]").config("spark.sql.shuffle.partitions", "8")
spark = build.config("spark.ui.enabled", "false").config("spark.driver.memory", "4g").getOrCreate()
frame = spark.read.parquet(path).cache()
frame.count()
keys = KeySet.from_dict({"key": [f"k{at:03d}" for at in range(100)]})
taken = []
for _ in range(runs + 1):
    started = time.perf_counter()
    session = Session.from_dataframe(RhoZCDPBudget(0.5), "events", frame, AddRowsWithID("cid"))
    kept = QueryBuilder("events").enforce(MaxGroupsPerID("key", 10)).enforce(MaxRowsPerGroupPerID("key", 1))
    session.create_view(kept, "bounded", cache=False)
    grouped = lambda: QueryBuilder("bounded").groupby(keys)
    for query in (grouped().count(), grouped().sum("amount", 0, 250), grouped().average("amount", 0, 250)):
        session.evaluate(query, RhoZCDPBudget(0.5 / 3)).collect()
    taken.append(time.perf_counter() - started)
print(json.dumps(taken[1:]))
"""
OPENDP = """
import json, sys, time
import polars as pl
import opendp.prelude as dp
dp.enable_features("contrib")
path, runs = sys.argv[1], int(sys.argv[2])
taken = []
for _ in range(runs + 1):
    started = time.perf_counter()
    context = dp.Context.compositor(
        data=pl.scan_parquet(path), privacy_unit=dp.unit_of(contributions=1, identifier="cid"),
        privacy_loss=dp.loss_of(rho=0.5, delta=1e-7), split_evenly_over=1,
        margins=[dp.polars.Margin(by=["key"], max_length=10_000_000, max_groups=100)])
    amount = pl.col("amount").fill_null(0.0).fill_nan(0.0).dp.sum((0.0, 250.0))
    query = context.query().truncate_per_group(10).group_by("key").agg(dp.len(), amount)
    query.release().collect()
    taken.append(time.perf_counter() - started)
print(json.dumps(taken[1:]))
"""


def tumult_seconds(path: Path, runs: int) -> list[float]:
    """Return the seconds of each release by Tumult.

    Raises:
        subprocess.CalledProcessError: the peer could not be installed, or failed.
    """
    # setuptools: pyspark 3.5 is built from source and imports distutils.
    return _run("peers_tumult", ("tmlt-analytics", "setuptools"), TUMULT, path, runs)


def opendp_seconds(path: Path, runs: int) -> list[float]:
    """Return the seconds of each release by OpenDP's Polars front end.

    Raises:
        subprocess.CalledProcessError: the peer could not be installed, or failed.
    """
    return _run("peers_opendp", ("opendp[polars]", "pyarrow"), OPENDP, path, runs)


def _run(name: str, packages: tuple[str, ...], script: str, path: Path, runs: int) -> list[float]:
    interpreter = python_with(HOME / name, packages)
    # The peer must not see our modules or our settings for Spark.
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHONPATH", "SPARK", "PYSPARK"))}
    environment = own | {"PYSPARK_PYTHON": str(interpreter), "PYSPARK_DRIVER_PYTHON": str(interpreter)}
    command = [str(interpreter), "-W", "ignore", "-c", script, str(path), str(runs)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return list(json.loads(done.stdout.splitlines()[-1]))
