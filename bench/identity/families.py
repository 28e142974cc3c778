"""Measures wrong merges in families, and the true pairs still found, compared with plain Splink in the same run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest import mock

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.claim import Claim
from bench.identity.family import KINDS, Kind, draw_families
from pipelines.evaluation.dataset import LabelledFile
from pipelines.evaluation.splink_baseline import run_plain_splink
from pipelines.matching.guard import Guards
from pipelines.matching.resolution import Options, open_workspace, resolve

PEER = "plain Splink"
# Largest share of families of which two members, or a member and another person, have one id.
MOST_WRONG = 0.01
# Largest share of the pairs of records of one family member that have two ids.
MOST_LOST = 0.05


@dataclass(frozen=True)
class FamilyRates:
    """Rates of one resolver over the families of one kind.

    Attributes:
        wrong: share of families of which a group holds two people.
        lost: share of the true pairs of family members' records that are in two groups.
        lost_bystanders: the same share for bystanders.
    """

    wrong: float
    lost: float
    lost_bystanders: float

    @property
    def holds(self) -> bool:
        """Whether both limits hold."""
        return self.wrong <= MOST_WRONG and self.lost <= MOST_LOST


def rate(data: LabelledFile, family: pd.Series, group: NDArray[np.int64]) -> FamilyRates:
    """Return the rates of the groups of records against the true people and families."""
    frame = pd.DataFrame({"person": data.frame[data.truth].to_numpy(), "family": family.to_numpy(), "group": group})
    is_mixed = frame.groupby("group")["person"].transform("nunique") > 1
    in_family = frame["family"] >= 0
    wrong = frame[in_family].assign(mixed=is_mixed[in_family]).groupby("family")["mixed"].any().mean()
    return FamilyRates(float(wrong), _lost(frame[in_family]), _lost(frame[~in_family]))


def resolve_families(data: LabelledFile, options: Options | None = None) -> NDArray[np.int64]:
    """Return the groups that Bojagi finds in a labelled file; it does not receive the labels."""
    options = options or Options()
    with open_workspace(options) as workspace:
        return resolve(workspace, data.frame.drop(columns=[data.truth]), data.mapping, options).group


@contextmanager
def guards_off() -> Iterator[None]:
    """Resolve without guards and household limit inside the block, as a negative control of the measurement."""
    with (
        mock.patch(
            "pipelines.matching.model.learn_guards", lambda _, compared, __: Guards(False, (0.0,) * len(compared))
        ),
        mock.patch.object(Guards, "refusal_sql", return_value="0"),
    ):
        yield


def measure(families: int, *, kinds: tuple[Kind, ...] = KINDS, seed: int = 1) -> None:
    """Measure each kind of family, with guards and without, and print its claims."""
    for kind in kinds:
        data, family = draw_families(kind, families, seed)
        ours = rate(data, family, resolve_families(data))
        plain = rate(data, family, run_plain_splink(data).group)
        with guards_off():
            unguarded = rate(data, family, resolve_families(data))
        name = f"{families} families, {kind.name}"
        for what, own, other, most in (
            ("families with a wrong merge", ours.wrong, plain.wrong, MOST_WRONG),
            ("true pairs lost", ours.lost, plain.lost, MOST_LOST),
            ("true pairs of bystanders lost", ours.lost_bystanders, plain.lost_bystanders, None),
        ):
            bar = most if kind.is_judged else None
            Claim(f"{name}: {what}", own, "", other=other, peer=PEER, bar=bar).print_json()
        # The negative control: without guards the limit does not hold.
        Claim(f"{name}: families with a wrong merge, without guards", unguarded.wrong, "").print_json()


def _lost(frame: pd.DataFrame) -> float:
    """Return the share of the pairs of records of one person that are in two groups."""
    pairs, found = (
        int((n * (n - 1) // 2).sum()) for n in (_sizes(frame, ["person"]), _sizes(frame, ["person", "group"]))
    )
    return 1 - found / pairs if pairs else 0.0


def _sizes(frame: pd.DataFrame, columns: list[str]) -> pd.Series:
    return frame.groupby(columns).size()
