"""What a steward decided about who is whom: never overwritten, in force until a later decision says otherwise.

A decision names two sides by matching keys, which outlive any customer id. `same` holds the sides together, whatever
the evidence; `different` keeps every key of one side from every key of the other. A later decision about the same
sides withdraws an earlier one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.matching.errors import IdentityError
from pipelines.register.record import ANCHOR_KINDS, LINK_KINDS

Verdict = Literal["same", "different"]
Key = tuple[str, str]
"""Kind and token."""
MAX_REASON = 200
_PERSONAL = re.compile(r"\S+@\S+|(?:\d[\s.-]?){7,}")


class DecisionError(IdentityError):
    """A decision cannot be recorded as it is."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision.

    Attributes:
        decision_id: names it.
        decided_at: when, local wall time; later ones prevail.
        verdict: `same` or `different`.
        left: keys of one side.
        right: keys of the other.
        reason: why, without personal data.
        decided_by: who.
        left_customer_id: the id of the left side; where an event is undone, the one that it shall bear again.
        right_customer_id: the id of the right side.
        holds_together: the keys of each side stay together as well (a merge is undone as it was made).
        event_id: the event that this undoes.
    """

    decision_id: str
    decided_at: datetime
    verdict: Verdict
    left: tuple[Key, ...]
    right: tuple[Key, ...]
    reason: str
    decided_by: str
    left_customer_id: str
    right_customer_id: str
    holds_together: bool = False
    event_id: str | None = None


def check_reason(reason: str) -> str:
    """Return the reason, trimmed.

    Raises:
        DecisionError: it is empty, too long, or holds what looks like an e-mail address or a number of a person.
    """
    text = " ".join(reason.split())
    if not text or len(text) > MAX_REASON:
        raise DecisionError(f"The reason has {len(text)} characters; expected 1 to {MAX_REASON}.")
    if _PERSONAL.search(text):
        raise DecisionError("The reason holds an e-mail address or a long number; say why without personal data.")
    return text


def lasting_keys(keys: Iterable[Key]) -> tuple[Key, ...]:
    """Return the keys by which a decision names somebody: member and card numbers, else whatever links.

    Numbers stay with a person; an e-mail address may be somebody else's next year.
    """
    held = sorted(set(keys))
    anchors = tuple(k for k in held if k[0] in ANCHOR_KINDS and k[0] != "email")
    return anchors or tuple(k for k in held if k[0] in LINK_KINDS)


@dataclass(frozen=True, slots=True)
class Told:
    """Decisions as pairs of nodes.

    Attributes:
        same: whose whole groups are one.
        together: who stays together, within a side of an undone event.
        never: who is kept apart.
    """

    same: NDArray[np.int64]
    together: NDArray[np.int64]
    never: NDArray[np.int64]


def told_links(decisions: Sequence[Decision], nodes_of: Callable[[Key], Iterable[int]]) -> Told:
    """Return the decisions as links between nodes, in the order in which they were made.

    Args:
        decisions: all decisions, in any order.
        nodes_of: the nodes that carry a key; none for a key that is gone, whose decisions then rest.
    """
    must: set[tuple[int, int]] = set()
    together: set[tuple[int, int]] = set()
    never: set[tuple[int, int]] = set()
    for decision in sorted(decisions, key=lambda d: (d.decided_at, d.decision_id)):
        left, right = (sorted({n for k in side for n in nodes_of(k)}) for side in (decision.left, decision.right))
        crossing = {_pair(a, b) for a in left for b in right if a != b}
        if decision.verdict == "same":
            never -= crossing
            must |= {_pair(left[0], right[0])} & crossing if left and right else set()
        else:
            must -= crossing
            together -= crossing
            never |= crossing
        if decision.holds_together:
            together |= {_pair(a, b) for side in (left, right) for a, b in pairwise(side)}
    return Told(_array(must), _array(together), _array(never))


def told_nodes(decisions: Sequence[Decision], nodes_of: Callable[[Key], Iterable[int]]) -> set[int]:
    """Return the nodes that any decision ever named."""
    return {n for d in decisions for key in (*d.left, *d.right) for n in nodes_of(key)}


def as_rows(decisions: Sequence[Decision]) -> pd.DataFrame:
    """Return decisions as rows of silver/identity_decision."""
    rows = [
        {
            "decision_id": d.decision_id, "decided_at": d.decided_at, "verdict": d.verdict,
            "left_keys": _written(d.left), "right_keys": _written(d.right), "reason": d.reason,
            "decided_by": d.decided_by, "left_customer_id": d.left_customer_id,
            "right_customer_id": d.right_customer_id, "holds_together": d.holds_together, "event_id": d.event_id,
        }
        for d in decisions
    ]  # fmt: skip
    return pd.DataFrame(rows)


def from_rows(frame: pd.DataFrame) -> tuple[Decision, ...]:
    """Return the decisions of rows of silver/identity_decision, the earliest first."""
    ordered = frame.sort_values(["decided_at", "decision_id"])
    return tuple(
        Decision(
            row["decision_id"], pd.Timestamp(row["decided_at"]).to_pydatetime(), row["verdict"],
            read_keys(row["left_keys"]), read_keys(row["right_keys"]), row["reason"], row["decided_by"],
            row["left_customer_id"], row["right_customer_id"], bool(row["holds_together"]), row["event_id"],
        )
        for row in ordered.astype(object).where(ordered.notna(), None).to_dict("records")
    )  # fmt: skip


def read_keys(text: str | None) -> tuple[Key, ...]:
    """Read keys as they are written in tables.

    >>> read_keys("card_no:a1,member_no:b2")
    (('card_no', 'a1'), ('member_no', 'b2'))
    """
    parts = (part.partition(":") for part in (text or "").split(",") if part)
    return tuple((kind, token) for kind, _, token in parts)


def _written(keys: Iterable[Key]) -> str:
    return ",".join(f"{kind}:{token}" for kind, token in sorted(keys))


def _pair(first: int, second: int) -> tuple[int, int]:
    return (first, second) if first < second else (second, first)


def _array(pairs: set[tuple[int, int]]) -> NDArray[np.int64]:
    return np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
