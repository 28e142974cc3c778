"""Holds a steward's decisions that two people are the same or different, and derives links from them.

A decision names two sides by matching keys, because the keys remain when customer ids change. `same` joins the sides,
even if their match weight is low. `different` separates every key of one side from every key of the other. A later
decision about the same sides replaces an earlier one, whose row stays in the table.
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
    """A decision, or the reason given for it, is not valid."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision of a steward.

    Attributes:
        decision_id: unique id.
        decided_at: time of the decision, local wall time; a later decision replaces an earlier one.
        verdict: `same` or `different`.
        left: keys of one side.
        right: keys of the other side.
        reason: reason of the steward, without personal data.
        decided_by: account of the steward.
        left_customer_id: customer id of the left side; if the decision undoes an event, the id that the side gets back.
        right_customer_id: customer id of the right side.
        holds_together: whether the keys of each side must stay together as well, as when a merge is undone.
        event_id: the event that this decision undoes; None for other decisions.
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
    """Return the reason with single spaces and without spaces at its ends.

    Raises:
        DecisionError: it is empty, too long, or contains text that looks like an e-mail address or a personal number.
    """
    text = " ".join(reason.split())
    if not text or len(text) > MAX_REASON:
        raise DecisionError(
            f"The reason has {len(text)} characters; expected 1 to {MAX_REASON}. Give a short reason with --reason."
        )
    if _PERSONAL.search(text):
        raise DecisionError(
            "The reason contains an e-mail address or a long number. Give a reason without personal data with --reason."
        )
    return text


def lasting_keys(keys: Iterable[Key]) -> tuple[Key, ...]:
    """Return the keys by which a decision names a person: member and card numbers; without them all linking keys.

    Numbers stay with a person. An e-mail address may belong to another person next year.
    """
    ordered = sorted(set(keys))
    anchors = tuple(k for k in ordered if k[0] in ANCHOR_KINDS and k[0] != "email")
    return anchors or tuple(k for k in ordered if k[0] in LINK_KINDS)


@dataclass(frozen=True, slots=True)
class StewardLinks:
    """Decisions as pairs of nodes, shape (n, 2).

    Attributes:
        join_groups: pairs whose whole groups are joined.
        must_link: pairs within one side of an undone event, which stay together.
        cannot_link: pairs that are kept in different groups.
    """

    join_groups: NDArray[np.int64]
    must_link: NDArray[np.int64]
    cannot_link: NDArray[np.int64]


def steward_links(decisions: Sequence[Decision], nodes_of: Callable[[Key], Iterable[int]]) -> StewardLinks:
    """Apply the decisions in the order of their time; return the links between nodes that are then valid.

    Args:
        decisions: all decisions, in any order.
        nodes_of: returns the nodes that have a key. It returns none for a key without records; decisions about such a
            key have no effect.
    """
    join: set[tuple[int, int]] = set()
    together: set[tuple[int, int]] = set()
    cannot: set[tuple[int, int]] = set()
    for decision in sorted(decisions, key=lambda d: (d.decided_at, d.decision_id)):
        left, right = (sorted({n for k in side for n in nodes_of(k)}) for side in (decision.left, decision.right))
        crossing = {_pair(a, b) for a in left for b in right if a != b}
        if decision.verdict == "same":
            cannot -= crossing
            join |= {_pair(left[0], right[0])} & crossing if left and right else set()
        else:
            join -= crossing
            together -= crossing
            cannot |= crossing
        if decision.holds_together:
            together |= {_pair(a, b) for side in (left, right) for a, b in pairwise(side)}
    return StewardLinks(_array(join), _array(together), _array(cannot))


def named_nodes(decisions: Sequence[Decision], nodes_of: Callable[[Key], Iterable[int]]) -> set[int]:
    """Return the nodes that any decision names, including decisions that were replaced."""
    return {n for d in decisions for key in (*d.left, *d.right) for n in nodes_of(key)}


def as_rows(decisions: Sequence[Decision]) -> pd.DataFrame:
    """Return the decisions as rows of silver/identity_decision."""
    rows = [
        {
            "decision_id": d.decision_id, "decided_at": d.decided_at, "verdict": d.verdict,
            "left_keys": _keys_text(d.left), "right_keys": _keys_text(d.right), "reason": d.reason,
            "decided_by": d.decided_by, "left_customer_id": d.left_customer_id,
            "right_customer_id": d.right_customer_id, "holds_together": d.holds_together, "event_id": d.event_id,
        }
        for d in decisions
    ]  # fmt: skip
    return pd.DataFrame(rows)


def from_rows(frame: pd.DataFrame) -> tuple[Decision, ...]:
    """Return the decisions in rows of silver/identity_decision, the earliest first."""
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
    """Return the keys in a text of the form `kind:token,kind:token`; none for null.

    >>> read_keys("card_no:a1,member_no:b2")
    (('card_no', 'a1'), ('member_no', 'b2'))
    """
    parts = (part.partition(":") for part in (text or "").split(",") if part)
    return tuple((kind, token) for kind, _, token in parts)


def _keys_text(keys: Iterable[Key]) -> str:
    return ",".join(f"{kind}:{token}" for kind, token in sorted(keys))


def _pair(first: int, second: int) -> tuple[int, int]:
    return (first, second) if first < second else (second, first)


def _array(pairs: set[tuple[int, int]]) -> NDArray[np.int64]:
    return np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
