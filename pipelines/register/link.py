"""Which records belong to one person, by exact keys: connected components over the keys that one person alone has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from pipelines.register.key_place import codes
from pipelines.register.record import LINK_KINDS, Records

if TYPE_CHECKING:
    from pipelines.register.person_match import Matching

MAX_MEMBERS_A_KEY = 8
"""A linking key that more members carry is a default value (none@none.com), not a person's; it links nothing.

One person registers two or three times; eight leaves room and stops a run-away cluster.
"""


@dataclass(frozen=True)
class Clusters:
    """Which cluster each record belongs to; -1 for records that carry no linking key."""

    label: NDArray[np.int64]
    refused_keys: tuple[tuple[str, int], ...] = field(default=())
    """Kind and number of members of each key refused as a default value."""
    method: NDArray[np.object_] | None = None
    """How each record came to its cluster; None means by exact keys throughout."""
    confidence: NDArray[np.float64] | None = None
    """How probable that is; None means certain."""
    matching: Matching | None = None
    """What was compared, where records were."""


class Linker(Protocol):
    """Decides which records belong together. Probabilistic matching implements this as well."""

    def link(self, records: Records) -> Clusters:
        """Return the cluster of each record, numbered from 0 in the order of the records."""
        ...


@dataclass(frozen=True)
class ExactLinker:
    """Joins records that share a member number, card, e-mail, or name and phone."""

    max_members_a_key: int = MAX_MEMBERS_A_KEY

    def link(self, records: Records) -> Clusters:
        """Return the connected components of records and linking keys."""
        keys = records.keys()
        keys = keys[keys["kind"].isin(LINK_KINDS)]
        keys, refused = without_default_values(keys, records, self.max_members_a_key)
        label = np.full(len(records.frame), -1, dtype=np.int64)
        if keys.empty:
            return Clusters(label, refused)
        node = keys["key"].to_numpy() + len(records.frame)
        size = int(node.max()) + 1
        graph = coo_matrix((np.ones(len(keys), dtype=np.int8), (keys["record"].to_numpy(), node)), shape=(size, size))
        component = connected_components(graph, directed=False)[1]
        held = np.unique(keys["record"].to_numpy())
        label[held] = pd.factorize(component[held])[0]
        return Clusters(label, refused)


def without_default_values(
    keys: pd.DataFrame, records: Records, most: int
) -> tuple[pd.DataFrame, tuple[tuple[str, int], ...]]:
    """Return the keys without those that more than `most` members carry, and kind and members of each one left out.

    A card counts as a member where the record names none. Member numbers are never default values.
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
    told = keys[refused].drop_duplicates("key")
    counts = zip(told["kind"].astype(str), members[told["key"]].tolist(), strict=True)
    return keys[~refused], tuple(sorted(counts))
