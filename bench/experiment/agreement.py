"""Compares Bojagi's figures of one experiment with those of statsmodels and spotify-confidence."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
from scipy.stats import norm

from bench.claim import Claim
from bench.experiment.journey import DAYS, is_treated, periods
from bench.peer_environment import python_with
from features.experiment.sample_ratio import spending_bounds
from features.experiment.statistic import adjust_by_before, difference

HOME = Path("bench") / "results" / "experiment_peers"
PACKAGES = ("statsmodels==0.15.0", "spotify-confidence==4.1.0")
"""BSD-3-Clause and Apache-2.0."""
_Z = float(norm.isf(0.025))


def measure() -> None:
    """Print the largest differences, as a part of the standard error or of the bound."""
    one = periods()[-1]
    treated = is_treated("agreement", one.start)
    spend, before = one.spend[:, -1], one.before
    given = {"control": spend[~treated], "new": spend[treated], "control_before": before[~treated]}
    document = {name: values.tolist() for name, values in (given | {"new_before": before[treated]}).items()}
    script = str(Path(__file__).with_name("peer_figure.py"))
    command = [str(python_with(HOME, PACKAGES)), script]
    done = subprocess.run(
        command, input=json.dumps(document | {"looks": DAYS}), check=True, stdout=subprocess.PIPE, text=True
    )
    peer = json.loads(done.stdout)
    plain = difference(spend[~treated], spend[treated])
    values = adjust_by_before(spend, before)
    adjusted = difference(values[~treated], values[treated])
    ours = np.array([plain.estimate - _Z * plain.error, plain.estimate + _Z * plain.error])
    _print("interval of the difference", abs(ours - peer["welch"]).max() / plain.error, "statsmodels", 1e-6)
    _print("interval of the difference", abs(ours - peer["plain"]).max() / plain.error, "spotify-confidence", 1e-6)
    estimate, error = peer["covariate"]
    gap = max(abs(adjusted.estimate - estimate), abs(adjusted.error - error)) / adjusted.error
    _print("difference and error with CUPED", gap, "statsmodels, least squares with a covariate", 0.05)
    ours = np.array([adjusted.estimate - _Z * adjusted.error, adjusted.estimate + _Z * adjusted.error])
    _print("interval with CUPED", abs(ours - peer["adjusted"]).max() / adjusted.error, "spotify-confidence", 0.05)
    times = np.arange(1, DAYS + 1) / DAYS
    bounds = np.array(spending_bounds(times, 0.05 * times**3))
    # Its bounds are one-sided at half the level: the same up to the chance of crossing both.
    _print("bounds of 28 looks", abs(bounds - peer["bounds"]).max(), "spotify-confidence", 0.005, "z")
    z = (treated.sum() - len(treated) / 2) / np.sqrt(len(treated) / 4)
    _print("p-value of the sizes", abs(2 * norm.sf(abs(z)) - peer["sizes_p"]), "spotify-confidence", 1e-6, "")


def _print(name: str, gap: float, peer: str, bar: float, unit: str = "standard errors") -> None:
    Claim(f"{name}: distance to {peer}", float(gap), unit, bar=bar).print_json()
