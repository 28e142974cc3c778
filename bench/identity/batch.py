"""Compares a batch of 1 % of the records with a full run: agreement, time, and groups that a second run changes."""

from __future__ import annotations

import time

import numpy as np

from bench.claim import Claim, of_runs
from bench.identity.people import draw_people
from pipelines.matching.batch import resolve_batch
from pipelines.matching.mapping import guess_mapping
from pipelines.matching.resolution import Options, open_workspace, resolve

MOST_SHARE_OF_TIME = 0.10
MOST_DISAGREEMENT = 0.001


def measure(records: int, runs: int) -> None:
    """Resolve all records twice, then 99 % of them, then the last 1 % as a batch (`runs` times); print the claims."""
    frame = draw_people(records).drop(columns=["person"])
    mapping, options = guess_mapping(frame), Options(memory="3GB")
    old = len(frame) * 99 // 100
    with open_workspace(options) as workspace:
        began = time.perf_counter()
        whole = resolve(workspace, frame, mapping, options)
        again = resolve(workspace, frame, mapping, options)
        rebuild = (time.perf_counter() - began) / 2
    with open_workspace(options) as workspace:
        before = resolve(workspace, frame.iloc[:old], mapping, options)
        if before.model is None:
            raise SystemExit("No model was trained, because no two records share a blocking key. Use more records.")
        batches = []
        for _ in range(runs):
            workspace.execute(f"delete from person where rid >= {old}")
            began = time.perf_counter()
            after = resolve_batch(
                workspace, frame.iloc[old:], mapping, before.model, before.group, before.pairs, options
            )
            batches.append(time.perf_counter() - began)
    name = f"batch of {len(frame) - old} to {old} records"
    differs = float(np.mean(after.group != whole.group))
    of_runs(
        f"{name}: time", batches, "s", others=[rebuild], peer="full rebuild", bar=MOST_SHARE_OF_TIME, on_ratio=True
    ).print_json()
    Claim(f"{name}: records grouped otherwise", differs, "", peer="full rebuild", bar=MOST_DISAGREEMENT).print_json()
    changed = float((whole.group != again.group).sum())
    Claim(f"rerun of {len(frame)} records: groups changed", changed, "records", bar=0).print_json()
