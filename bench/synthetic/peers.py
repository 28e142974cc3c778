"""Runs dpmm and SDV in environments of their own, because they require other package versions; SDV also takes 5 GB.

An environment is made at the first call. SDV is under the Business Source License 1.1.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.peer_environment import python_with

DPMM_PACKAGES, SDV_PACKAGES = ("dpmm",), ("sdv>=2,<3",)
DPMM_ENVIRONMENT, SDV_ENVIRONMENT = "env-dpmm", "env-sdv"
DPMM = """
import json, resource, sys, time
import pandas as pd
from dpmm.pipelines import AIMPipeline
def used():
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in both)
source, out, domain, rows, _, seed = sys.argv[1:]
domain = json.load(open(domain))
frame = pd.read_csv(source)
for name, one in domain.items():
    if "categories" in one:
        frame[name] = pd.Categorical(frame[name].astype(str), categories=one["categories"])
start, before = time.perf_counter(), used()
model = AIMPipeline(epsilon=1.0, delta=1e-6)
model.fit(frame, domain=domain)
found = {"seconds": time.perf_counter() - start, "processor": used() - before}
model.generate(n_records=int(rows)).to_csv(out, index=False)
print(json.dumps(found))
"""
SDV = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import numpy as np, pandas as pd, torch
from sdv.metadata import Metadata
from sdv.single_table import CTGANSynthesizer, GaussianCopulaSynthesizer, TVAESynthesizer
source, out, domain, rows, name, seed = sys.argv[1:]
np.random.seed(int(seed)); torch.manual_seed(int(seed))
frame = pd.read_csv(source)
kinds = {one: {"sdtype": "categorical" if "categories" in spec else "numerical"}
         for one, spec in json.load(open(domain)).items()}
metadata = Metadata.load_from_dict({"tables": {"adult": {"columns": kinds}}})
make = {
    "Gaussian copula": lambda: GaussianCopulaSynthesizer(metadata),
    "TVAE": lambda: TVAESynthesizer(metadata, epochs=30, enable_gpu=False),
    "CTGAN": lambda: CTGANSynthesizer(metadata, epochs=30, enable_gpu=False),
}[name]
start, before = time.perf_counter(), time.process_time()
model = make()
model.fit({"adult": frame})
found = {"seconds": time.perf_counter() - start, "processor": time.process_time() - before}
model.sample(int(rows))["adult"].to_csv(out, index=False)
print(json.dumps(found))
"""
SDV_MODELS = ("Gaussian copula", "TVAE", "CTGAN")


@dataclass(frozen=True)
class Fitted:
    """Seconds of a fit: by the clock, and those that all processors worked."""

    seconds: float
    processor: float


@dataclass(frozen=True)
class Peers:
    """The interpreters of the environments, below `home`, and the files that every peer reads."""

    home: Path
    train: Path
    domain: Path
    rows: int

    def run_dpmm(self, out: Path, seed: int) -> Fitted:
        """Fit dpmm's AIM with (1, 1e-6)-differential privacy, write as many rows, and return the times."""
        return self._run(DPMM, DPMM_ENVIRONMENT, DPMM_PACKAGES, out, "AIM", seed)

    def run_sdv(self, name: str, out: Path, seed: int) -> Fitted:
        """Fit one of `SDV_MODELS`, 30 epochs where it has epochs, on the processor only; write as many rows."""
        return self._run(SDV, SDV_ENVIRONMENT, SDV_PACKAGES, out, name, seed)

    def _run(self, script: str, folder: str, packages: tuple[str, ...], out: Path, name: str, seed: int) -> Fitted:
        python = python_with(self.home / folder, packages)
        command = [python, "-c", script, self.train, out, self.domain, self.rows, name, seed]
        done = subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True)
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        return Fitted(**json.loads(lines[-1]))
