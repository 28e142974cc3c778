"""Clusters records by exact keys: a cluster is a connected component of records that share linking keys.

Example: record A has the e-mail e1, record B the e-mail e1 and the card c1, record C the card c1. A and B share e1, B
and C share c1, so A, B and C are one cluster. Linking keys are the kinds in `record.LINK_KINDS`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from pipelines.register.key_index import codes
from pipelines.register.record import LINK_KINDS, Records

if TYPE_CHECKING:
    from pipelines.register.entry_matching import Matching

MAX_MEMBERS_PER_KEY = 8
"""A linking key on the records of more members than this is a default value (none@none.com); it links no records.

One person registers two or three times. Eight leaves room for that and stops a cluster that grows without limit.
"""


@dataclass(frozen=True)
class Clusters:
    """The cluster of each record, by row number of `Records.frame`; -1 for a record without a linking key."""

    label: NDArray[np.int64]
    refused_keys: tuple[tuple[str, int], ...] = field(default=())
    """Kind and number of members of each key that was ignored as a default value."""
    method: NDArray[np.object_] | None = None
    """How each record was assigned to its cluster (`link`, `match`, `steward`); None: all by exact keys."""
    confidence: NDArray[np.float64] | None = None
    """Probability of each assignment; None: all are certain."""
    matching: Matching | None = None
    """The scored pairs; None if no pairs were scored."""


class Linker(Protocol):
    """Clusters records. `ExactLinker` does so by exact keys, `PersonLinker` by probabilistic matching as well."""

    def link(self, records: Records) -> Clusters:
        """Return the cluster of each record, numbered from 0 in the order of the records."""
        ...


@dataclass(frozen=True)
class ExactLinker:
    """Joins records with an equal member number, card number, e-mail address, or name with phone."""

    max_members_per_key: int = MAX_MEMBERS_PER_KEY

    def link(self, records: Records) -> Clusters:
        """Return the connected components of records and linking keys."""
        keys = records.keys()
        keys = keys[keys["kind"].isin(LINK_KINDS)]
        keys, refused = without_default_values(keys, records, self.max_members_per_key)
        label = np.full(len(records.frame), -1, dtype=np.int64)
        if keys.empty:
            return Clusters(label, refused)
        node = keys["key"].to_numpy() + len(records.frame)
        size = int(node.max()) + 1
        graph = coo_matrix((np.ones(len(keys), dtype=np.int8), (keys["record"].to_numpy(), node)), shape=(size, size))
        component = connected_components(graph, directed=False)[1]
        keyed = np.unique(keys["record"].to_numpy())
        label[keyed] = pd.factorize(component[keyed])[0]
        return Clusters(label, refused)


def without_default_values(
    keys: pd.DataFrame, records: Records, most: int
) -> tuple[pd.DataFrame, tuple[tuple[str, int], ...]]:
    """Remove keys that are on the records of more than `most` members; return the other keys and the removed ones.

    A removed key is given by its kind and number of members. A card number counts as a member where the record has no
    member number. Member numbers are never default values.
    """
    frame = records.frame
    member = codes(frame["member_no"].where(frame["member_no"].notna(), frame["card_no"]))[0][keys["record"].to_numpy()]
    pairs = keys.assign(member=member)[["key", "member"]].drop_duplicates()
    members = np.bincount(
        pairs.loc[pairs["member"] >= 0, "key"], minlength=int(keys["key"].max()) + 1 if len(keys) else 0
    )
    refused = (members[keys["key"]] > most) & (keys["kind"] != "member_no").to_numpy()
    if not refused.any():
        return keys, ()
    removed = keys[refused].drop_duplicates("key")
    counts = zip(removed["kind"].astype(str), members[removed["key"]].tolist(), strict=True)
    return keys[~refused], tuple(sorted(counts))
