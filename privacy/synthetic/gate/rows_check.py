"""Checks what attackers find in synthetic rows."""

from __future__ import annotations

import math
from collections.abc import Iterator

from privacy.synthetic.attack.copied import Copies
from privacy.synthetic.evaluation.report import Report
from privacy.synthetic.verdict import Check

MOST_RISK = 0.05
"""Risk of singling out, linking and inferring that is accepted."""
MOST_MEMBERSHIP = 0.53
"""AUC of membership inference that is accepted."""
LEAST_HOLDOUT = 100
"""People of the hold-out. With fewer, attacks find nothing, whatever was published."""


def check_rows(report: Report, least_holdout: int = LEAST_HOLDOUT) -> list[Check]:
    """Return the checks of a report's attacks.

    A check fails if its attack's gain is proven (at `ALARM`) and may exceed what is accepted. So honest generators
    fail less than once in a thousand releases.
    """
    found, held_out = report.disclosure, report.rows["holdout"]
    checks = [Check("hold-out", held_out >= least_holdout,
                    f"{held_out} people were not learned from, at least {least_holdout} are needed")]  # fmt: skip
    for attack in found.attacks:
        risk = attack.synthetic
        detail = f"risk {risk.value:.3f}, interval {risk.low:.3f} to {risk.high:.3f}, accepted {MOST_RISK}"
        checks.append(Check(attack.name, not risk.exceeds(MOST_RISK), detail))
    checks += list(_copies(found.copies, found.copies_of_samples))
    for leak in found.leaks:
        shares = leak.risk.success.value, leak.risk.control.value
        detail = f"{shares[0]:.2%} of the values are in {leak.synthetic_column}, by chance {shares[1]:.2%}"
        checks.append(Check(f"identifier {leak.column}", not leak.is_proven, detail))
    for name, member in (("membership by distance", found.distance), ("membership by shadow models", found.shadow)):
        if member is not None:
            detail = f"AUC {member.auc:.3f}, interval {member.low:.3f} to {member.high:.3f}, accepted {MOST_MEMBERSHIP}"
            checks.append(Check(name, not member.exceeds(MOST_MEMBERSHIP), detail))
    if found.canaries is not None:
        claimed = report.guarantee.epsilon if report.guarantee else None
        right = f"{found.canaries.right} of {found.canaries.guesses} guesses are right"
        detail = f"{right}, so epsilon is at least {found.canaries.epsilon:.2f}"
        checks.append(Check("canaries", not found.canaries.contradicts(claimed), detail))
    return checks


def _copies(published: Copies, samples: Copies | None) -> Iterator[Check]:
    for name, one in {"copied rows": published, "copied rows in further samples": samples}.items():
        if one is not None:
            least = f"{one.detectable:.1%}" if math.isfinite(one.detectable) else "no share"
            shares = f"{one.learned.value:.2%} of the rare rows are in it, of the control rows {one.control.value:.2%}"
            detail = f"{shares}; copying is proven from a share of {least} on"
            yield Check(name, not one.is_proven, detail)
