"""Compares the risks that our attacks and anonymeter's measure: python -m bench.anonymity.attacks [--data FOLDER].

The release has 2,000 people of Adult; 2,000 others are the control. It is published once unchanged and once
k-anonymous with k=5. anonymeter attacks tables of plain values, so each label is replaced by a random value that it
covers. anonymeter runs in a separate environment (numpy < 1.27).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from bench.anonymity.adult import QUASI, SECRET, add_data, data_folder, make_spec, read_adult
from bench.claim import Claim
from bench.options import make_parser
from bench.peer_environment import python_with
from privacy.anonymity import anonymize
from privacy.anonymity.risk.attack import AttackRisk, inference, linkability, singling_out, singling_out_by_guess
from privacy.anonymity.risk.utility import Cover, label_cover

HOME = Path("bench") / "results" / "anonymeter"
HALVES = (list(QUASI[:3]), list(QUASI[3:]))
PEOPLE, ATTEMPTS, QUICK_ATTEMPTS, SEED = 2000, 500, 100, 5
NEAR = 0.1
"""Largest difference between the risks of two implementations; each is an estimate from 500 attempts."""
ANONYMETER = """
import json, sys, warnings
warnings.filterwarnings("ignore")
import numpy as np, pandas as pd
from anonymeter.evaluators import InferenceEvaluator, LinkabilityEvaluator, SinglingOutEvaluator
folder, secret, attempts = sys.argv[1], sys.argv[2], int(sys.argv[5])
halves = tuple(part.split(",") for part in sys.argv[3:5])
quasi = halves[0] + halves[1]
np.random.seed(5)
names = ("ori", "syn", "control")
ori, syn, control = (pd.read_csv(f"{folder}/{name}.csv", dtype=str, keep_default_na=False) for name in names)
same = {"ori": ori, "syn": syn, "control": control, "n_attacks": attempts}
found = {}
attacks = {
    "linkability": LinkabilityEvaluator(**same, aux_cols=halves, n_neighbors=1),
    "inference": InferenceEvaluator(**same, aux_cols=quasi, secret=secret),
    "singling out": SinglingOutEvaluator(
        ori=ori[quasi], syn=syn[quasi], control=control[quasi], n_attacks=attempts, n_cols=len(quasi), seed=5
    ),
}
for name, one in attacks.items():
    try:
        one.evaluate(mode="multivariate") if name == "singling out" else one.evaluate(n_jobs=1)
        risk = one.risk()
        found[name] = [risk.value, risk.ci[0], risk.ci[1]]
    except RuntimeError:
        found[name] = None
print(json.dumps(found))
"""


def _anonymeter(folder: Path, attempts: int) -> dict[str, list[float] | None]:
    """Returns the risk and interval of each attack; None where anonymeter found too few predicates."""
    arguments = [str(folder), SECRET, ",".join(HALVES[0]), ",".join(HALVES[1]), str(attempts)]
    interpreter = python_with(HOME, ("anonymeter",))
    command = [str(interpreter), "-c", ANONYMETER, *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _ours(
    ori: pd.DataFrame, control: pd.DataFrame, published: pd.DataFrame, cover: Cover, attempts: int
) -> Mapping[str, tuple[AttackRisk, ...]]:
    quasi = list(QUASI)
    return {
        "linkability": (linkability(ori, control, published, cover, HALVES, attempts, SEED),),
        "inference": (inference(ori, control, published, cover, SECRET, attempts, SEED),),
        "singling out": (
            singling_out(ori[quasi], published[quasi], cover, attempts, SEED),
            singling_out_by_guess(ori[quasi], published[quasi], cover, attempts, SEED),
        ),
    }


def _as_values(published: pd.DataFrame, cover: Cover) -> pd.DataFrame:
    """Returns the table with each label replaced by a random value that the label covers."""
    random = np.random.default_rng(SEED)
    out = published.copy()
    for name in QUASI:
        choices = {label: sorted(values) for label, values in cover[name].items()}
        out[name] = [str(random.choice(choices[label])) for label in published[name]]
    return out


def main() -> int:
    """Attacks both releases with both tools and prints the claims."""
    parser = make_parser(__doc__, "python -m bench.anonymity.attacks")
    add_data(parser)
    options = parser.parse_args()
    folder, attempts = data_folder(options), QUICK_ATTEMPTS if options.quick else ATTEMPTS
    rows = read_adult(folder)[[*QUASI, SECRET]].sample(2 * PEOPLE, random_state=SEED, ignore_index=True)
    ori, control = rows.iloc[:PEOPLE], rows.iloc[PEOPLE:].reset_index(drop=True)
    hidden = anonymize(ori, make_spec(folder, "set", [{"name": "k_anonymity", "k": 5}])).table
    for what, published in (("as it is", ori), ("k=5", hidden)):
        cover = {name: label_cover(rows[name], published[name].tolist()) for name in QUASI}
        with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as place:
            for name, frame in (("ori", ori), ("control", control), ("syn", _as_values(published, cover))):
                frame[[*QUASI, SECRET]].to_csv(Path(place) / f"{name}.csv", index=False)
            theirs = _anonymeter(Path(place), attempts)
        for name, risks in _ours(ori, control, published, cover, attempts).items():
            worst = max(risks, key=lambda risk: risk.risk)
            subject = f"ours {worst.risk:.3f} [{worst.low:.3f}, {worst.high:.3f}] ({worst.name})"
            other = theirs[name]
            if other is None:
                print(f"  {name}, {what}: {subject}; anonymeter found too few predicates to measure it", flush=True)
                continue
            print(
                f"  {name}, {what}: {subject}; anonymeter {other[0]:.3f} [{other[1]:.3f}, {other[2]:.3f}]", flush=True
            )
            below = max(other[0] - worst.high, 0.0)
            Claim(f"{name}, {what}: anonymeter's risk above our interval", below, "", bar=NEAR).print_json()
    return 0


if __name__ == "__main__":
    sys.exit(main())
