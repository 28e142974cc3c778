"""Fills a report from a table and its release."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from privacy.anonymity.attack import AttackRisk, inference, linkability, singling_out, singling_out_by_guess
from privacy.anonymity.prediction import measure_prediction
from privacy.anonymity.report import Report
from privacy.anonymity.risk import class_sizes, measure_risk
from privacy.anonymity.spec import Spec
from privacy.anonymity.table import as_text, tabulate
from privacy.anonymity.utility import Cover, label_cover, measure_utility
from privacy.anonymity.verify import verify

ATTEMPTS = 100
"""Targets of each attack of a report; the attack module takes any number."""


def make_report(
    original: pd.DataFrame,
    published: pd.DataFrame,
    spec: Spec,
    suppressed: int,
    title: str,
    context: Mapping[str, str] | None = None,
) -> Report:
    """Risk before and after, utility, attacks and verdict of a release that kept its input's index."""
    quasi = list(spec.quasi)
    text = pd.DataFrame({name: as_text(original[name]) for name in quasi})
    cover = {}
    for domain in tabulate(original, spec).table.domains:
        paths = domain.hierarchy.rows if domain.hierarchy else ()
        cover[domain.column] = label_cover(text[domain.column], published[domain.column].tolist(), paths)
    owners = original[spec.person].loc[published.index] if spec.person else None
    after = published.assign(__person=owners) if spec.person else published
    sizes = class_sizes(published, quasi).groupby("__class").size()
    return Report(
        title=title,
        spec=spec,
        verdict=verify(published, original, spec, owners),
        before=measure_risk(original, quasi, spec.person),
        after=measure_risk(after, quasi, "__person" if spec.person else None),
        utility=measure_utility(text, published[quasi], cover),
        suppressed=suppressed,
        attacks=_attacks(original, text, published, spec, cover),
        class_sizes=[int(size) for size in sizes],
        context=context,
        prediction=measure_prediction(original, published, spec, cover),
    )


def _attacks(
    original: pd.DataFrame, text: pd.DataFrame, published: pd.DataFrame, spec: Spec, cover: Cover
) -> tuple[AttackRisk, ...]:
    """Singling out, linkability of the two halves of the quasi-identifiers, and inference of the sensitive columns."""
    quasi, owners = list(spec.quasi), original[spec.person] if spec.person else None
    inside = text.loc[published.index]
    found = [
        singling_out(text, published[quasi], cover, ATTEMPTS),
        singling_out_by_guess(text, published[quasi], cover, ATTEMPTS),
    ]
    if len(quasi) > 1:
        halves = (quasi[: len(quasi) // 2], quasi[len(quasi) // 2 :])
        found.append(linkability(inside, None, published, cover, halves, ATTEMPTS, owners=owners))
    for secret in (name for name, column in spec.columns.items() if column.role == "sensitive"):
        known = inside.assign(**{secret: original.loc[published.index, secret]})
        found.append(inference(known, None, published, cover, secret, ATTEMPTS, owners=owners))
    return tuple(found)
