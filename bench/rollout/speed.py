"""Measures how soon another process serves the version after a rollback, and what a request waits for."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import yaml

from bench.claim import Claim, of_runs
from bench.rollout.traffic import NEW, OLD, rollout
from features.retrieval.answer import Caller
from features.rollout.service import Rollouts
from installation.installation import Installation
from installation.settings import load_settings

_BY = Caller("bench", "marketer")


def measure(trials: int) -> Iterator[Claim]:
    """Yield the claims."""
    with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as folder:
        data = Path(folder) / "data"
        with Installation(load_settings(data_dir=data)) as installation:
            rollouts = Rollouts(installation)
            seconds = _switches(data, rollouts, trials)
            yield of_runs("rollout: seconds until another process serves the old version", seconds, "s", bar=1.0)
            yield Claim("rollout: longest of these", max(seconds), "s", bar=1.0, runs=trials)
            rollouts.create(_text("speed", "canary"), _BY)
            waits = list(_requests(rollouts))
            rollouts.close()
            for name, share in (("median", 0.5), ("p99", 0.99), ("longest", 1.0)):
                figure = float(np.quantile(waits, share)) * 1000
                yield Claim(f"rollout: {name} wait of a request for version and count", figure, "ms", runs=len(waits))


def watch(data: Path) -> None:
    """Print each version that is served to everyone, with the time at which it was seen first."""
    with Installation(load_settings(data_dir=data)) as installation:
        rollouts, seen = Rollouts(installation), ""
        while True:
            serving = rollouts.serving("recommendation", None)
            if serving is not None and serving.version != seen:
                seen = serving.version
                print(seen, time.monotonic(), flush=True)
            time.sleep(0.005)


def _switches(data: Path, rollouts: Rollouts, trials: int) -> list[float]:
    command = [sys.executable, "-m", "bench.rollout.speed", str(data)]
    found = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        for trial in range(trials):
            rollouts.create(_text(f"trial_{trial}", "blue_green"), _BY)
            while other.stdout.readline().split()[0] != NEW:
                pass
            rollouts.stop(f"trial_{trial}", "measured", _BY)
            done = time.monotonic()
            version, at = other.stdout.readline().split()
            assert version == OLD
            found.append(max(float(at) - done, 0.0))
        other.kill()
    return found


def _requests(rollouts: Rollouts, seconds: float = 10.0) -> Iterator[float]:
    end = time.monotonic() + seconds
    number = 0
    while (began := time.monotonic()) < end:
        number += 1
        serving = rollouts.serving("recommendation", f"c_{number}")
        assert serving is not None
        rollouts.record("recommendation", serving.version, 1, 0, [0.01])
        yield time.monotonic() - began
        time.sleep(0.002)


def _text(name: str, kind: str) -> str:
    whole = yaml.safe_load(rollout().text())
    stage = {"kind": kind, "hours": 24} | ({"share": 0.1} if kind == "canary" else {})
    return yaml.safe_dump(whole | {"name": name, "stages": [stage]})


if __name__ == "__main__":
    watch(Path(sys.argv[1]))
