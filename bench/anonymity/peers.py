"""Runs ANJANA and pycanon in a separate environment, because they require old versions of numpy and pandas.

The environment is made at the first call.

ARX is not on Maven's central repository under its own group, so its figures are quoted from issue 6.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from bench.peer_environment import python_with

HOME = Path("bench") / "results" / "peers"
PACKAGES = ("anjana", "pycanon")
ANJANA = """
import json, sys, time
import pandas as pd
from anjana.anonymity import k_anonymity
folder, k, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
quasi, name_of_table = sys.argv[4].split(","), sys.argv[5]
frame = pd.read_csv(f"{folder}/{name_of_table}.csv", sep=";", dtype=str, keep_default_na=False)
trees = {}
for name in quasi:
    rows = pd.read_csv(f"{folder}/{name_of_table}_hierarchy_{name}.csv", sep=";", header=None, dtype=str)
    rows = rows[rows[0].isin(frame[name].unique())]
    trees[name] = {level: rows[level].tolist() for level in rows.columns}
start = time.perf_counter()
result = k_anonymity(frame, [], quasi, k, 5, trees)
seconds = time.perf_counter() - start
result.to_csv(out, sep=";", index=False)
print(json.dumps({"seconds": seconds}))
"""
PYCANON = """
import json, sys
import pandas as pd
from pycanon import anonymity
frame = pd.read_csv(sys.argv[1], sep=";", dtype=str, keep_default_na=False)
quasi, secret = sys.argv[2].split(","), sys.argv[3]
k = anonymity.k_anonymity(frame, quasi)
l = anonymity.l_diversity(frame, quasi, [secret])
t = anonymity.t_closeness(frame, quasi, [secret])
print(json.dumps({"k": int(k), "l": int(l), "t": float(t)}))
"""
PYCANON_MANY = """
import json, sys
import pandas as pd
from pycanon import anonymity
quasi, secret = sys.argv[2].split(","), [sys.argv[3]]
for line in open(sys.argv[1], encoding="utf-8"):
    frame = pd.DataFrame(json.loads(line))
    print(json.dumps({
        "k": int(anonymity.k_anonymity(frame, quasi)),
        "l": int(anonymity.l_diversity(frame, quasi, secret)),
        "entropy_l": float(anonymity.entropy_l_diversity(frame, quasi, secret)),
        "alpha": float(anonymity.alpha_k_anonymity(frame, quasi, secret)[0]),
        "t": float(anonymity.t_closeness(frame, quasi, secret)),
        "beta": float(anonymity.basic_beta_likeness(frame, quasi, secret)),
    }))
"""


def _run(script: str, *arguments: str) -> list[dict[str, float]]:
    interpreter = python_with(HOME, PACKAGES)
    done = subprocess.run([str(interpreter), "-c", script, *arguments], check=True, stdout=subprocess.PIPE, text=True)
    return [dict(json.loads(line)) for line in done.stdout.splitlines() if line.startswith("{")]


def run_anjana(folder: Path, k: int, out: Path, quasi: tuple[str, ...], table: str = "adult") -> float:
    """Runs ANJANA's k-anonymity with 5 % suppression, writes its output to `out`, and returns the seconds.

    `folder` holds `<table>.csv` and its hierarchies, `<table>_hierarchy_<column>.csv`.
    """
    return _run(ANJANA, str(folder), str(k), str(out), ",".join(quasi), table)[-1]["seconds"]


def run_pycanon(out: Path, quasi: tuple[str, ...], secret: str) -> dict[str, float]:
    """Returns k, l and t that pycanon measures in a published table."""
    return _run(PYCANON, str(out), ",".join(quasi), secret)[-1]


def run_pycanon_on_many(lines: Path, quasi: tuple[str, ...], secret: str) -> list[dict[str, float]]:
    """Returns the figures of pycanon for many published tables. Each line of the file is one table, as JSON columns."""
    return _run(PYCANON_MANY, str(lines), ",".join(quasi), secret)
