"""Measures a release and fills its report."""

from __future__ import annotations

import numpy as np
import pandas as pd

from privacy.anonymity.report.release_report import ColumnFact, ReleaseReport
from privacy.anonymity.risk.attack import AttackRisk, inference, linkability, singling_out, singling_out_by_guess
from privacy.anonymity.risk.homogeneity import measure_homogeneity
from privacy.anonymity.risk.prediction import measure_prediction
from privacy.anonymity.risk.reidentification_risk import class_sizes, measure_risk
from privacy.anonymity.risk.utility import Cover, label_cover, measure_utility
from privacy.anonymity.spec.release_context import Context
from privacy.anonymity.spec.specification import Spec
from privacy.anonymity.table.frequency_table import as_text, tabulate
from privacy.anonymity.verify.verification import Verdict, verify

ATTEMPTS = 300
"""Number of targets of each attack in a report."""


def make_report(
    original: pd.DataFrame,
    published: pd.DataFrame,
    spec: Spec,
    suppressed: int,
    title: str,
    context: Context | None = None,
    verdict: Verdict | None = None,
    *,
    is_registered: bool = False,
) -> ReleaseReport:
    """Measures risk before and after, utility and attacks of a release, and returns its report.

    `published` must keep the index of `original`. When `context` is None, the specification's context is used. When
    `verdict` is None, the release is verified again. `is_registered`: whether the registry of releases made it.
    """
    quasi = list(spec.quasi)
    text = pd.DataFrame({name: as_text(original[name]) for name in quasi})
    cover = {}
    for domain in tabulate(original, spec).table.domains:
        paths = domain.hierarchy.rows if domain.hierarchy else ()
        cover[domain.column] = label_cover(text[domain.column], published[domain.column].unique().tolist(), paths)
    owners = original[spec.person].loc[published.index] if spec.person else None
    after = published.assign(__person=owners) if spec.person else published
    sizes = np.bincount(class_sizes(published, quasi)["__class"])
    return ReleaseReport(
        title=title,
        spec=spec,
        context=context or spec.context,
        verdict=verdict or verify(published, original, spec, owners),
        before=measure_risk(original, quasi, spec.person),
        after=measure_risk(after, quasi, "__person" if spec.person else None),
        utility=measure_utility(text, published[quasi], cover),
        suppressed=suppressed,
        is_registered=is_registered,
        input_columns=original.shape[1],
        most_rows_of_a_person=int(original[spec.person].value_counts(dropna=False).max()) if spec.person else 1,
        repeating_identifiers=_repeating(original, spec),
        columns=_facts(original, text, published, spec, cover),
        attacks=_attacks(original, text, published, spec, cover),
        class_sizes=[int(size) for size in sizes],
        homogeneity=measure_homogeneity(published, original, spec),
        prediction=measure_prediction(original, published, spec, cover),
    )


def _repeating(original: pd.DataFrame, spec: Spec) -> list[str]:
    """Returns identifying columns whose values repeat; empty when the specification names a person column."""
    if spec.person is not None:
        return []
    return [name for name in spec.by_role("identifying") if original[name].dropna().duplicated().any()]


def _facts(
    original: pd.DataFrame, text: pd.DataFrame, published: pd.DataFrame, spec: Spec, cover: Cover
) -> dict[str, ColumnFact]:
    out = {}
    for name, column in spec.columns.items():
        if name not in published.columns:
            continue
        if column.role != "quasi":
            values = int(original[name].nunique())
            out[name] = ColumnFact(column.role, values, int(published[name].nunique()), 0.0, 0.0, 0)
            continue
        code, labels = pd.factorize(published[name])
        covered = np.array([len(cover[name][label]) for label in labels])[code]
        counts = text[name].value_counts()
        out[name] = ColumnFact(
            role=column.role,
            values_before=len(counts),
            values_after=len(labels),
            generalised=float((covered > 1).mean()),
            loss=float((covered - 1).mean() / max(len(counts) - 1, 1)),
            rare_values=int((counts < spec.k).sum()),
        )
    return out


def _attacks(
    original: pd.DataFrame, text: pd.DataFrame, published: pd.DataFrame, spec: Spec, cover: Cover
) -> tuple[AttackRisk, ...]:
    """Returns the scores of all attacks: singling out, linkability, and inference of each sensitive column."""
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
