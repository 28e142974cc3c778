"""Compares releases of one table over several values of one limit, to choose it before anything is released."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from privacy.anonymity.anonymize import anonymize
from privacy.anonymity.errors import InfeasibleError, SpecError
from privacy.anonymity.risk.homogeneity import Homogeneity, measure_homogeneity
from privacy.anonymity.risk.reidentification_risk import Risk, measure_risk
from privacy.anonymity.risk.utility import Utility, label_cover, measure_utility
from privacy.anonymity.spec.model import KAnonymity
from privacy.anonymity.spec.specification import Spec
from privacy.anonymity.table.frequency_table import as_text, tabulate


@dataclass(frozen=True)
class SweepPoint:
    """Risk and utility of the release for one k. All but `k` is None when no release satisfies the models."""

    k: int
    loss: float | None = None
    suppressed: int | None = None
    classes: int | None = None
    risk: Risk | None = None
    utility: Utility | None = None
    homogeneity: tuple[Homogeneity, ...] = ()


def sweep_k(frame: pd.DataFrame, spec: Spec, values: Sequence[int]) -> Iterator[SweepPoint]:
    """Yields one point for each k, with every other model of the specification as it is. Nothing is released.

    The table is prepared once; each k is searched once and verified like a release.

    Raises:
        SpecError: no k is given, one is below 1, or the specification does not fit the table.
        HierarchyError: a hierarchy is broken or does not cover the values.
    """
    wanted = sorted(set(values))
    if not wanted or wanted[0] < 1:
        raise SpecError("a sweep needs one or more values of k from 1 on, such as k=2,5,10,25,50")
    quasi = list(spec.quasi)
    text = pd.DataFrame({name: as_text(frame[name]) for name in quasi})
    domains = {domain.column: domain for domain in tabulate(frame, spec).table.domains}
    others = tuple(model for model in spec.models if not isinstance(model, KAnonymity))
    for k in wanted:
        one = spec.model_copy(update={"models": (KAnonymity(k=k), *others)})
        try:
            made = anonymize(frame, one)
        except InfeasibleError:
            yield SweepPoint(k)
            continue
        cover = {}
        for name, domain in domains.items():
            paths = domain.hierarchy.rows if domain.hierarchy else ()
            cover[name] = label_cover(text[name], made.table[name].unique().tolist(), paths)
        after = made.table.assign(__person=frame[spec.person]) if spec.person else made.table
        yield SweepPoint(
            k=k,
            loss=made.loss,
            suppressed=made.suppressed,
            classes=made.classes,
            risk=measure_risk(after, quasi, "__person" if spec.person else None),
            utility=measure_utility(text, made.table[quasi], cover),
            homogeneity=measure_homogeneity(made.table, frame, one),
        )
