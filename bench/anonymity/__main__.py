"""Adult: information loss, query error and time against the bars and ANJANA; pycanon agrees on every release.

`--data FOLDER` holds adult.csv and its hierarchies, `--quick` takes two releases only, `--scale` adds the engine runs
(`--scale 1000000`, rows). ARX's figures are quoted from issue 6, not measured here.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.anonymity import peers
from bench.anonymity.adult import QUASI, SECRET, Score, data_folder, evaluate, make_spec, read_adult
from bench.claim import Claim, of_runs
from privacy.anonymity import anonymize

K5 = {"name": "k_anonymity", "k": 5}
CASES: dict[str, list[dict[str, Any]]] = {
    "k=5": [K5],
    "k=10": [{"name": "k_anonymity", "k": 10}],
    "k=25": [{"name": "k_anonymity", "k": 25}],
    "k=50": [{"name": "k_anonymity", "k": 50}],
    "l=5": [K5, {"name": "distinct_l", "l": 5, "column": SECRET}],
    "t=0.2": [K5, {"name": "t_closeness", "t": 0.2, "column": SECRET}],
}
BARS = {
    "hierarchy": {"k=5": 0.027, "k=10": 0.041, "k=25": 0.062, "k=50": 0.084, "l=5": 0.040, "t=0.2": 0.40},
    "set": {"k=5": 0.0085, "k=10": 0.016, "k=25": 0.035, "k=50": 0.060, "l=5": 0.028, "t=0.2": 0.40},
}
ARX_LOCAL = {"k=5": 0.0334, "k=10": 0.0492, "k=25": 0.0758, "k=50": 0.102, "l=5": 0.0559, "t=0.2": 0.455}
QUERY_BAR, ANJANA_SECONDS = 0.025, 2.9
RUNS = 3


def check(score: Score, case: str) -> None:
    """Stop the bench when the evaluator, which shares no code with the search, finds a broken release."""
    wanted = {"k=10": 10, "k=25": 25, "k=50": 50}.get(case, 5)
    if score.k < wanted or (case == "l=5" and score.distinct_l < 5) or (case == "t=0.2" and score.t > 0.2 + 1e-7):
        raise SystemExit(f"release {case} is broken: {score}")


def main() -> int:
    """Measure every release; the first, which may compile the search, is not timed."""
    folder = data_folder()
    if not (folder / "adult.csv").exists():
        raise SystemExit(f"no adult.csv in {folder}; name its folder with --data")
    quick = "--quick" in sys.argv
    raw = read_adult(folder)
    anonymize(raw, make_spec(folder, "set", CASES["k=5"]))
    with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as scratch:
        anjana = _anjana(folder, Path(scratch), raw)
        for form in ("hierarchy", "set"):
            for case in ("k=5",) if quick else CASES:
                _measure(folder, Path(scratch), raw, form, case, anjana)
    return 0


def _anjana(folder: Path, scratch: Path, raw: Any) -> tuple[Score, float]:
    import pandas as pd

    out = scratch / "anjana.csv"
    seconds = min(peers.run_anjana(folder, 5, out, QUASI) for _ in range(RUNS))
    return evaluate(raw, pd.read_csv(out, sep=";", dtype=str, keep_default_na=False), folder), seconds


def _measure(folder: Path, scratch: Path, raw: Any, form: str, case: str, anjana: tuple[Score, float]) -> None:
    spec = make_spec(folder, form, CASES[case])
    seconds, result = [], None
    for _ in range(RUNS if case == "k=5" else 1):
        start = time.perf_counter()
        result = anonymize(raw, spec)
        seconds.append(time.perf_counter() - start)
    assert result is not None
    score = evaluate(raw, result.table, folder)
    check(score, case)
    out = scratch / "ours.csv"
    result.table.to_csv(out, sep=";", index=False)
    found = peers.run_pycanon(out, QUASI, SECRET)
    if found["k"] != score.k or found["l"] != score.distinct_l:
        raise SystemExit(f"pycanon finds {found}, the evaluator {score}")
    peer = "ARX local (quoted)"
    Claim(f"loss, {form} labels, {case}", score.loss, "NCP", ARX_LOCAL[case], peer, BARS[form][case]).tell()
    if case == "k=5":
        Claim(f"query error, {form} labels", score.query_error, "", anjana[0].query_error, "ANJANA", QUERY_BAR).tell()
        name = f"time, 30 k rows, {form} labels"
        of_runs(name, seconds, "s", others=[anjana[1]], peer="ANJANA", bar=ANJANA_SECONDS).tell()


if __name__ == "__main__":
    sys.exit(main())
