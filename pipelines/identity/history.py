"""Stable customer ids: merges and splits as recorded, reversible events over opaque identifiers.

A state maps each record key to a customer id and holds a steward's links. `reconcile` compares the wanted
grouping with the state and returns the events that lead there; `apply_event` and `revert_event` are exact
inverses, so undoing the last events in reverse order restores every id.
"""

import secrets
from base64 import b32encode
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from pipelines.identity.errors import HistoryError

Kind = Literal["create", "merge", "split", "move", "retire"]
IdFactory = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Event:
    """One change of assignments.

    Attributes:
        number: position in the history, from 1.
        kind: `create` gives new records an id, `merge` fuses ids into one, `split` gives some records of an
            id a new one, `move` shifts records between ids that live on, `retire` forgets records.
        moves: for each record that changed, its id before and after (`None`: it had none, it has none any
            more).
        reason: why, in words, without personal data.
        evidence: figures behind the reason (weight of the link, steward's ticket).
        at: when, by the caller's clock.
    """

    number: int
    kind: Kind
    moves: tuple[tuple[str, str | None, str | None], ...]
    reason: str
    evidence: Mapping[str, float | str]
    at: datetime

    @property
    def before(self) -> frozenset[str]:
        """Ids that the moved records had."""
        return frozenset(b for _, b, _ in self.moves if b is not None)

    @property
    def after(self) -> frozenset[str]:
        """Ids that the moved records have."""
        return frozenset(a for _, _, a in self.moves if a is not None)


@dataclass(slots=True)
class IdentityState:
    """Who each record is now, how that came about, and what a steward decided. Links are between record
    keys.
    """

    assignment: dict[str, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    must_link: set[frozenset[str]] = field(default_factory=set)
    never_link: set[frozenset[str]] = field(default_factory=set)

    def members(self, customer_id: str) -> frozenset[str]:
        """Return the records of a customer."""
        return frozenset(k for k, c in self.assignment.items() if c == customer_id)

    def declare_same(self, first: str, second: str) -> None:
        """Record a steward's must-link; it withdraws a never-link between the two."""
        pair = _pair(first, second)
        self.never_link.discard(pair)
        self.must_link.add(pair)

    def declare_different(self, first: str, second: str) -> None:
        """Record a steward's never-link; it withdraws a must-link between the two."""
        pair = _pair(first, second)
        self.must_link.discard(pair)
        self.never_link.add(pair)


def new_customer_id() -> str:
    """Return an opaque random id, `c_` and 26 base32 characters (128 random bits), derived from nothing.

    >>> len(new_customer_id()), new_customer_id()[:2]
    (28, 'c_')
    """
    return "c_" + b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()


def reconcile(
    state: IdentityState,
    groups: Iterable[Sequence[str]],
    *,
    new_id: IdFactory,
    at: datetime,
    reason: str = "records resolved",
    evidence: Mapping[str, float | str] | None = None,
    complete: bool = True,
) -> list[Event]:
    """Change the assignments to the wanted grouping, keep as many ids as possible, and return the recorded
    events.

    A group keeps the id that most of its records have (ties: the smallest id, so reruns agree); an id that
    two groups claim stays with the one holding more of its records. An unchanged grouping yields no event.

    Args:
        state: changed in place.
        groups: disjoint groups of record keys.
        new_id: makes an unused opaque id.
        at: time of the events.
        reason: recorded with each event.
        evidence: recorded with each event.
        complete: whether the groups hold all records; then records of the state that no group has are
            retired.

    Raises:
        HistoryError: a record is in two groups, or a group holds a never-link pair.
    """
    wanted = [tuple(sorted(g)) for g in groups if g]
    _check(state, wanted)
    owner = _owners(state, wanted)
    moves: dict[tuple[str | None, str | None], list[str]] = defaultdict(list)
    used = set(state.assignment.values())
    for number, group in enumerate(wanted):
        target = owner.get(number) or _fresh(new_id, used)
        for key in group:
            before = state.assignment.get(key)
            if before != target:
                moves[before, target].append(key)
    if complete:
        present = {k for g in wanted for k in g}
        for key, before in state.assignment.items():
            if key not in present:
                moves[before, None].append(key)
    events = []
    for (before, after), keys in sorted(moves.items(), key=lambda m: (m[0][0] or "", m[0][1] or "")):
        kind = _kind(state, before, after, keys)
        changes = tuple((k, before, after) for k in sorted(keys))
        event = Event(len(state.events) + 1, kind, changes, reason, dict(evidence or {}), at)
        apply_event(state, event)
        events.append(event)
    return events


def apply_event(state: IdentityState, event: Event) -> None:
    """Carry out an event and append it to the history.

    Raises:
        HistoryError: a record is not where the event says it was.
    """
    _shift(state, [(k, b, a) for k, b, a in event.moves], event.number)
    state.events.append(event)


def revert_event(state: IdentityState) -> Event:
    """Undo the last event and return it; every id is again as it was before.

    Raises:
        HistoryError: there is nothing to undo.
    """
    if not state.events:
        raise HistoryError("No event to revert: the history is empty.")
    event = state.events.pop()
    _shift(state, [(k, a, b) for k, b, a in event.moves], event.number)
    return event


def most_restrictive(decisions: Iterable[bool | None]) -> bool:
    """Tell whether a merged customer's consent permits: only when every known decision permits and one is
    known.

    >>> most_restrictive([True, False]), most_restrictive([True, None]), most_restrictive([None])
    (False, True, False)
    """
    known = [d for d in decisions if d is not None]
    return bool(known) and all(known)


def _shift(state: IdentityState, moves: Sequence[tuple[str, str | None, str | None]], number: int) -> None:
    for key, source, _ in moves:
        if state.assignment.get(key) != source:
            raise HistoryError(f"Event {number} expects a record under another customer than it is under now.")
    for key, _, target in moves:
        if target is None:
            del state.assignment[key]
        else:
            state.assignment[key] = target


def _check(state: IdentityState, groups: Sequence[Sequence[str]]) -> None:
    group_of: dict[str, int] = {}
    for number, group in enumerate(groups):
        for key in group:
            if group_of.setdefault(key, number) != number:
                raise HistoryError("A record is in two groups; groups must be disjoint.")
    broken = sum(len({group_of.get(k, -1 - n) for n, k in enumerate(sorted(pair))}) == 1 for pair in state.never_link)
    if broken:
        raise HistoryError(f"{broken} never-link pairs are in one group; resolve with these constraints first.")


def _owners(state: IdentityState, groups: Sequence[Sequence[str]]) -> dict[int, str]:
    """Give each surviving id to one group: the largest overlap first, then the smallest id."""
    claims = []
    for number, group in enumerate(groups):
        overlap = Counter(c for k in group if (c := state.assignment.get(k)) is not None)
        claims += [(-size, customer, number) for customer, size in overlap.items()]
    owner: dict[int, str] = {}
    taken: set[str] = set()
    for _, customer, number in sorted(claims):
        if number not in owner and customer not in taken:
            owner[number] = customer
            taken.add(customer)
    return owner


def _kind(state: IdentityState, before: str | None, after: str | None, keys: Sequence[str]) -> Kind:
    if before is None:
        return "create"
    if after is None:
        return "retire"
    if len(keys) == len(state.members(before)):
        return "merge"
    return "move" if after in state.assignment.values() else "split"


def _fresh(new_id: IdFactory, used: set[str]) -> str:
    customer = new_id()
    if customer in used:
        raise HistoryError("The id factory returned an id that is in use; it must return fresh ones.")
    used.add(customer)
    return customer


def _pair(first: str, second: str) -> frozenset[str]:
    if first == second:
        raise HistoryError("A link needs two different records.")
    return frozenset((first, second))
