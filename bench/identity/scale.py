"""Measures time and memory of resolving simulated person records, each number of records in a separate process."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
import pandas as pd

from bench.claim import Claim
from bench.identity.people import draw_people
from bench.process import run_measured
from pipelines.evaluation.pair_metric import cluster_score
from pipelines.matching.mapping import guess_mapping
from pipelines.matching.resolution import Options, open_workspace, resolve

# Largest allowed growth of the time per record; n log n grows by 1.2 from 100,000 to a million records.
MOST_GROWTH = 1.3
MOST_GIB = 8.0


def resolve_once(records: int) -> dict[str, Any]:
    """Resolve this number of records in this process; return times, counts and scores."""
    frame = draw_people(records)
    truth = pd.factorize(frame.pop("person"))[0].astype(np.int64)
    began = time.perf_counter()
    options = Options(memory="3GB")
    with open_workspace(options) as workspace:
        answer = resolve(workspace, frame, guess_mapping(frame), options)
    return {
        "records": len(frame),
        "seconds": round(time.perf_counter() - began, 1),
        "processor_seconds": round(time.process_time(), 1),
        "candidates": answer.blocking.candidates,
        "clusters": cluster_score(truth, answer.group).as_dict(),
        "steps": answer.seconds,
    }


def measure(small: int, large: int) -> None:
    """Measure both sizes and print the claims."""
    found: dict[int, dict[str, Any]] = {}
    for size in (small, large):
        run = run_measured([sys.executable, "-m", "bench.identity.scale", str(size)])
        found[size] = json.loads(run.output.splitlines()[-1])
        print(f"{size}: {found[size]}, peak {run.peak_gib:.2f} GiB", file=sys.stderr)
    seconds = [found[size]["seconds"] for size in (small, large)]
    times = large / small
    Claim(f"{large} records: time", seconds[1], "s").print_json()
    Claim(
        f"{large} records: time for each record",
        seconds[1] / times,
        "s",
        other=seconds[0],
        peer=f"{small} records",
        bar=MOST_GROWTH,
        on_ratio=True,
    ).print_json()
    Claim(f"{large} records: peak memory", run.peak_gib, "GiB", bar=MOST_GIB).print_json()


if __name__ == "__main__":
    print(json.dumps(resolve_once(int(sys.argv[1]))))
