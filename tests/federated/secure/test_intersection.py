"""What two parties learn from a private set intersection."""

import pytest
import rbcl

from federated.secure.errors import ProtocolViolation, UnsafeTerms
from federated.secure.intersection import POINT_BYTES, IntersectionParty, IntersectionTerms

TERMS = IntersectionTerms("spring campaign", peer_most=5000)


def intersect(ours: IntersectionParty, theirs: IntersectionParty) -> tuple[list[str], list[str]]:
    to_them, to_us = ours.blind(), theirs.blind()
    back_to_us, back_to_them = theirs.blind_peer(to_them), ours.blind_peer(to_us)
    return ours.match(back_to_us), theirs.match(back_to_them)


def points_of(message: bytes) -> list[bytes]:
    return [message[at : at + POINT_BYTES] for at in range(0, len(message), POINT_BYTES)]


@pytest.mark.parametrize("workers", [1, 3])
def test_both_parties_learn_the_identifiers_that_both_have(workers: int) -> None:
    ours = [f"customer {at}" for at in range(2500)] + ["customer 7"]
    theirs = [f"customer {at}" for at in range(2400, 4500)]
    expected = sorted(set(ours) & set(theirs))
    parties = IntersectionParty(ours, TERMS, workers), IntersectionParty(theirs, TERMS, workers)
    assert intersect(*parties) == (expected, expected)


def test_empty_and_disjoint_sets_give_an_empty_intersection() -> None:
    assert intersect(IntersectionParty([], TERMS), IntersectionParty(["a"], TERMS)) == ([], [])
    assert intersect(IntersectionParty(["b"], TERMS), IntersectionParty(["a"], TERMS)) == ([], [])


def test_what_is_sent_has_one_point_an_identifier_and_equals_nothing_that_a_peer_can_compute() -> None:
    names = [f"customer {at}" for at in range(40)]
    first, second = IntersectionParty(names, TERMS), IntersectionParty(names, TERMS)
    one, other = points_of(first.blind()), points_of(second.blind())
    assert len(one) == len(other) == 40
    assert not set(one) & set(other)
    assert one == sorted(one, key=lambda point: int.from_bytes(point[:8], "little"))
    # Negative control: with a key known to the peer it finds every identifier by trying names.
    leaky = IntersectionParty(names, TERMS)
    leaky._key = rbcl.crypto_core_ristretto255_scalar_random()
    guesser = IntersectionParty(names[:5], TERMS)
    guesser._key = leaky._key
    assert set(points_of(guesser.blind())) <= set(points_of(leaky.blind()))


def test_a_view_without_common_customers_looks_the_same_whatever_the_set() -> None:
    """The points of a set under a secret key are never those of another intersection or of another name."""
    names = ["a", "b", "c"]
    party, renamed = IntersectionParty(names, TERMS), IntersectionParty(names, IntersectionTerms("autumn", 10))
    renamed._key = party._key
    assert not set(points_of(party.blind())) & set(points_of(renamed.blind()))


def test_sets_that_break_the_terms_are_refused() -> None:
    few = IntersectionTerms("spring campaign", peer_most=2)
    sent = IntersectionParty(["a", "b", "c"], TERMS).blind()
    for message, reason in (
        (sent, "expected at most 2 points"),
        (sent[:-1], "expected at most 2 points"),
        (sent[:32] * 2, "repeats a point"),
        (b"\xff" * 32, "no point of the curve"),
        (bytes(32), "no point of the curve"),
    ):
        party = IntersectionParty(["a"], few)
        party.blind()
        with pytest.raises(ProtocolViolation, match=reason):
            party.blind_peer(message)
    with pytest.raises(UnsafeTerms):
        IntersectionTerms("", 5)


def test_steps_out_of_order_are_refused() -> None:
    ours, theirs = IntersectionParty(["a", "b"], TERMS), IntersectionParty(["b"], TERMS)
    with pytest.raises(ProtocolViolation, match="after this party's own set"):
        ours.blind_peer(theirs.blind())
    sent = ours.blind()
    with pytest.raises(ProtocolViolation, match="blinded already"):
        ours.blind()
    with pytest.raises(ProtocolViolation, match="call `blind_peer` first"):
        ours.match(sent)
    ours.blind_peer(b"")
    with pytest.raises(ProtocolViolation, match="expected once"):
        ours.blind_peer(b"")
    with pytest.raises(ProtocolViolation, match="returned 1 points; expected 2"):
        ours.match(sent[:32])
