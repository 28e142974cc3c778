"""A batch of 1 % against a full rebuild, agreement and times: `python -m bench.identity.batch`."""

import json
import sys
import time

import numpy as np

from bench.identity.scale import draw_people
from pipelines.identity.batch import resolve_batch
from pipelines.identity.mapping import guess_mapping
from pipelines.identity.resolve import Options, open_workspace, resolve


def main(records: int) -> None:
    """Resolve all, then 99 % and the rest as a batch, and compare."""
    frame = draw_people(records).drop(columns=["person"])
    mapping, options = guess_mapping(frame), Options(memory="3GB")
    old = len(frame) * 99 // 100
    began = time.perf_counter()
    with open_workspace(options) as workspace:
        whole = resolve(workspace, frame, mapping, options)
        again = resolve(workspace, frame, mapping, options)
    rebuild = (time.perf_counter() - began) / 2
    with open_workspace(options) as workspace:
        before = resolve(workspace, frame.iloc[:old], mapping, options)
        if before.model is None:
            raise SystemExit("no pairs to learn from")
        began = time.perf_counter()
        after = resolve_batch(workspace, frame.iloc[old:], mapping, before.model, before.group, before.pairs, options)
        batch = time.perf_counter() - began
    report = {
        "records": len(frame),
        "batch": len(frame) - old,
        "agreement": float(np.mean(after.group == whole.group)),
        "rerun_changes": int((whole.group != again.group).sum()),
        "rebuild_seconds": round(rebuild, 2),
        "batch_seconds": round(batch, 2),
        "share_of_time": round(batch / rebuild, 3),
        "old_records_reached": after.reached,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
