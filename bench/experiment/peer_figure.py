"""Computes an experiment with statsmodels and spotify-confidence, in their own environment; nothing of Bojagi is used.

Reads a JSON document with `control`, `new`, `control_before`, `new_before` and `looks` from stdin; writes the figures
of both packages.
"""

from __future__ import annotations

import json
import sys
import warnings

import numpy as np
import pandas as pd


def main() -> None:
    """Compute the figures of stdin's samples."""
    warnings.filterwarnings("ignore")
    given = json.load(sys.stdin)
    control, new = np.array(given["control"]), np.array(given["new"])
    before = np.array(given["control_before"] + given["new_before"])
    json.dump(
        statsmodels_figures(control, new, before) | spotify_figures(control, new, before, given["looks"]), sys.stdout
    )


def statsmodels_figures(control: np.ndarray, new: np.ndarray, before: np.ndarray) -> dict[str, object]:
    """Return Welch's interval of the difference, and the least-squares one with the time before as covariate."""
    import statsmodels.api as sm
    from statsmodels.stats.weightstats import CompareMeans

    welch = CompareMeans.from_data(new, control).zconfint_diff(usevar="unequal")
    treated = np.r_[np.zeros(len(control)), np.ones(len(new))]
    design = np.column_stack([np.ones(len(before)), treated, before - before.mean()])
    fitted = sm.OLS(np.r_[control, new], design).fit(cov_type="HC2")
    return {"welch": list(welch), "covariate": [float(fitted.params[1]), float(fitted.bse[1])]}


def spotify_figures(control: np.ndarray, new: np.ndarray, before: np.ndarray, looks: int) -> dict[str, object]:
    """Return spotify-confidence's intervals without and with the time before, its bounds, and its test of sizes."""
    from spotify_confidence import ZTest, ZTestLinreg
    from spotify_confidence.analysis.frequentist.sample_ratio_test import sample_ratio_test
    from spotify_confidence.analysis.frequentist.sequential_bound_solver import bounds

    groups = {"control": (control, before[: len(control)]), "new": (new, before[len(control) :])}
    rows = pd.DataFrame([
        {"group": name, "total": len(x), "sum": x.sum(), "squares": (x**2).sum(), "before": b.sum(),
         "before_squares": (b**2).sum(), "product": (x * b).sum()}
        for name, (x, b) in groups.items()
    ])  # fmt: skip
    plain = ZTest(rows, "sum", "squares", "total", categorical_group_columns="group")
    adjusted = ZTestLinreg(
        rows, "sum", "squares", "total", "before", "before_squares", "product", categorical_group_columns="group"
    )
    found = {}
    for name, test in (("plain", plain), ("adjusted", adjusted)):
        line = test.difference("control", "new").iloc[0]
        found[name] = [float(line["ci_lower"]), float(line["ci_upper"])]
    times = np.arange(1, looks + 1) / looks
    found["bounds"] = bounds(times, 0.05, rho=3, ztrun=8, sides=2).bounds.tolist()
    p_value, _ = sample_ratio_test(rows, ["group"], "total", {"control": 0.5, "new": 0.5})
    return found | {"sizes_p": float(p_value)}


if __name__ == "__main__":
    main()
