"""Checks releases of random tables with a second verifier: python -m bench.anonymity.random_tables [TABLES] [--quick].

Every release is made twice, the second time from rows in another order, and both must be the same bytes. `verify` and
pycanon must both accept it. As a negative control one class is then broken, and both must reject the table. The
default is 1,000 tables.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from bench.anonymity import peers
from bench.claim import Claim
from bench.options import make_parser
from privacy.anonymity import Spec, anonymize, verify
from privacy.anonymity.errors import InfeasibleError
from tests.privacy.anonymity.random_release import break_one_class, random_spec, random_table

SECRET = "illness"
SLACK = 1e-6
USUAL, QUICK = 1000, 50
FEWEST = 0.6
"""Least share of the random specifications that must be satisfiable; otherwise the run proves little."""


def broken_models(spec: Spec, found: dict[str, float], is_whole: bool) -> list[str]:
    """Return the models that pycanon's figures contradict.

    Models about shares are compared only if no row is suppressed.

    Models that pycanon defines differently are not compared: recursive l-diversity, delta-disclosure (pycanon ignores
    values that a class lacks), and t-closeness with a distance other than the equal one.
    """
    out: list[str] = []
    for model in spec.models:
        limit = {name: value for name, value in model.model_dump().items() if isinstance(value, int | float)}
        name: str = model.name
        if name == "k_anonymity":
            holds = found["k"] >= limit["k"]
        elif name == "distinct_l":
            holds = found["l"] >= limit["l"]
        elif name == "entropy_l":
            holds = found["entropy_l"] >= math.floor(limit["l"] - SLACK)
        elif name == "alpha":
            holds = found["alpha"] <= limit["alpha"] + SLACK
        elif name == "t_closeness" and is_whole and model.model_dump()["distance"] == "equal":
            holds = found["t"] <= limit["t"] + SLACK
        elif name == "basic_beta" and is_whole:
            holds = found["beta"] <= limit["beta"] + SLACK
        else:
            continue
        if not holds:
            out.append(name)
    return out


def _as_bytes(table: pd.DataFrame) -> str:
    text = table.astype(str)
    return text.sort_values(list(text.columns)).to_csv(index=False)


def main() -> int:
    """Releases each random table twice, checks it, breaks a class and checks it again; prints the claims."""
    parser = make_parser(__doc__, "python -m bench.anonymity.random_tables")
    parser.add_argument("tables", nargs="?", type=int, help="how many tables, 1,000 by default")
    options = parser.parse_args()
    wanted: int = options.tables or (QUICK if options.quick else USUAL)
    released: list[dict[str, Any]] = []
    refused = different = missed = violations = 0
    with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as name:
        lines = Path(name) / "releases.jsonl"
        with lines.open("w", encoding="utf-8") as handle:
            for seed in range(wanted):
                table, spec = random_table(seed), random_spec(seed)
                try:
                    release = anonymize(table, spec)
                except InfeasibleError:
                    refused += 1
                    continue
                again = anonymize(table.sample(frac=1, random_state=seed), spec).table
                different += _as_bytes(release.table) != _as_bytes(again)
                violations += not verify(release.table, table, spec).is_passed
                broken = break_one_class(release.table, spec)
                missed += broken is not None and verify(broken, table, spec).is_passed
                released.append({"spec": spec, "is_whole": release.suppressed == 0, "is_broken": broken is not None})
                for frame in (release.table, broken):
                    if frame is not None:
                        columns = {n: frame[n].astype(str).tolist() for n in (*spec.quasi, SECRET)}
                        handle.write(json.dumps(columns) + "\n")
        found = iter(peers.run_pycanon_on_many(lines, ("region", "sex", "age"), SECRET))
        contradicted = missed_by_peer = controls = 0
        for case in released:
            contradicted += bool(broken_models(case["spec"], next(found), case["is_whole"]))
            if case["is_broken"]:
                controls += 1
                missed_by_peer += next(found)["k"] >= case["spec"].k
    subject = f"{len(released)} releases of {wanted} random tables"
    print(f"  {subject}, {refused} refused as infeasible, {controls} broken by hand", flush=True)
    Claim(f"releases that break a model, by the verifier, {subject}", float(violations), "", bar=0).print_json()
    Claim(f"releases that break a model, by pycanon, {subject}", float(contradicted), "", bar=0).print_json()
    Claim("classes broken by hand that the verifier missed", float(missed), "", bar=0).print_json()
    Claim("classes broken by hand that pycanon missed", float(missed_by_peer), "", bar=0).print_json()
    Claim("releases that differ when rows come in another order", float(different), "", bar=0).print_json()
    return 0 if len(released) >= FEWEST * wanted else 1


if __name__ == "__main__":
    sys.exit(main())
