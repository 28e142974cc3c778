"""What a server learns that colludes with sites or lies. Negative controls break one part of the protocol each."""

from itertools import pairwise

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from federated.secure import site as site_module
from federated.secure.errors import ProtocolViolation
from federated.secure.exchange import Message, Step
from federated.secure.key_agreement import Channel
from federated.secure.masks import MaskStream
from federated.secure.round_terms import default_threshold, tolerated_colluders
from tests.federated.secure.secure_round import SecureRound, Vector
from tests.federated.secure.server_view import ServerView


def values_of(sites: int, seed: int = 0, length: int = 5) -> dict[str, Vector]:
    rng = np.random.default_rng(seed)
    return {f"site {at:02}": rng.integers(0, 2**64, length, dtype=np.uint64) for at in range(sites)}


@pytest.mark.parametrize("seed", range(15))
def test_a_server_with_the_most_colluders_learns_only_the_sum_of_two_or_more_others(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sites = int(rng.integers(5, 12))
    values, threshold = values_of(sites, seed), default_threshold(sites)
    names = sorted(values)
    dropped = set(rng.choice(names, int(sites * 0.3), replace=False))
    round_ = SecureRound(values, threshold, {list(Step)[seed % 5]: dropped})
    round_.run()
    most = tolerated_colluders(sites, threshold, server_lies=False)
    colluders = set(rng.choice(sorted(round_.memories), most, replace=False))
    honest = frozenset(round_.server.survivors) - colluders
    view = ServerView(round_, colluders)
    assert len(honest) >= 2
    assert set(view.sums) == {honest}
    assert (view.sums[honest] == round_.sum_of(honest)).all()


def test_a_server_with_as_many_colluders_as_the_threshold_learns_a_single_value() -> None:
    """Negative control of the attack itself."""
    round_ = SecureRound(values_of(6), 5)
    round_.run()
    view = ServerView(round_, set(sorted(round_.values)[:5]))
    assert (view.sums[frozenset({"site 05"})] == round_.values["site 05"]).all()


def differs_from_uniform(view: ServerView) -> bool:
    """Whether the vectors of honest sites, or their differences, have bytes that are not uniform (χ², p < 10⁻⁸)."""
    vectors = [view.stripped[name] for name in sorted(view.stripped)]
    for vector in [*vectors, *(after - before for before, after in pairwise(vectors))]:
        counts = np.bincount(vector.view(np.uint8), minlength=256)
        expected = vector.nbytes / 256
        if ((counts - expected) ** 2 / expected).sum() > 400:
            return True
    return False


class ShortMasks(MaskStream):
    """Negative control: masks of 62 bits."""

    def _fill(self, key: bytes) -> None:
        super()._fill(key)
        np.right_shift(self._stream, 2, out=self._stream)


@pytest.mark.parametrize("is_broken", [False, True])
def test_the_view_can_be_simulated_from_the_sum_of_the_honest_sites_alone(
    is_broken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A simulator that knows only the honest sum runs the round with other honest values that have this sum.

    After all masks that the server can remove, the real view and the simulated one are the same: uniform vectors whose
    sum is the honest sum. With masks of 62 bits they differ.
    """
    if is_broken:
        monkeypatch.setattr(site_module, "MaskStream", ShortMasks)
        monkeypatch.setattr("federated.secure.server.MaskStream", ShortMasks)
        monkeypatch.setattr("tests.federated.secure.server_view.MaskStream", ShortMasks)
    length = 20_000
    real = {f"site {at}": np.full(length, 10**at, dtype=np.uint64) for at in range(7)}
    colluders, honest = {"site 0", "site 1", "site 2"}, ["site 3", "site 4", "site 5", "site 6"]
    total = np.sum([real[name] for name in honest], axis=0, dtype=np.uint64)
    simulated = real | {name: np.zeros(length, dtype=np.uint64) for name in honest} | {"site 3": total}
    for values in (real, simulated):
        round_ = SecureRound(values, 5)
        round_.run()
        view = ServerView(round_, colluders)
        assert (view.sums[frozenset(honest)] == total).all()
        assert differs_from_uniform(view) == is_broken


def told_apart(step: Step, name: str, message: Message) -> Message:
    """A server that tells each site other survivors: four sites to all, and one more to each."""
    if step is not Step.CONFIRM:
        return message
    few, others = sorted(message)[:4], sorted(message)[4:]
    return dict.fromkeys([*few, name if name in others else others[few.index(name)]], b"")


def test_a_server_that_tells_sites_different_survivors_gets_no_share() -> None:
    round_ = SecureRound(values_of(8), 5, tamper=told_apart)
    with pytest.raises(ProtocolViolation, match=r"was told other survivors|confirms survivors, but is none"):
        round_.run()
    assert not round_.sent[Step.REVEAL]


def test_without_confirmation_a_lying_server_learns_the_sum_of_fewer_sites_than_the_threshold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Negative control."""
    monkeypatch.setattr(Channel, "confirmation", lambda self, by, survivors: b"")
    strict = site_module.SecureSite.reveal
    monkeypatch.setattr(
        site_module.SecureSite,
        "reveal",
        lambda site, proofs: strict(site, dict.fromkeys(set(site._memory.survivors) - {site.name}, b"")),
    )
    lenient = SecureRound(values_of(8), 5, tamper=told_apart)
    with pytest.raises(ProtocolViolation):
        lenient.run()
    four = frozenset(sorted(lenient.values)[:4])
    assert (ServerView(lenient, set()).sums[four] == lenient.sum_of(four)).all()


def test_a_site_that_the_server_declares_dropped_is_protected_by_its_own_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server has the vector of site 00, says it dropped out, and so obtains its pairwise key."""

    def declared_dropped(step: Step, name: str, message: Message) -> Message:
        return {peer: item for peer, item in message.items() if peer != "site 00" or step is not Step.CONFIRM}

    class NoOwnMask(MaskStream):
        """Negative control: the first mask that a site adds is its own."""

        def add(self, key: bytes) -> None:
            if hasattr(self, "is_started"):
                super().add(key)
            self.is_started = True

    def attacked() -> SecureRound:
        round_ = SecureRound(values_of(6), 5, {Step.CONFIRM: {"site 00"}}, declared_dropped)
        with pytest.raises(ProtocolViolation):
            round_.run()
        return round_

    alone, rest = frozenset({"site 00"}), frozenset(f"site {at:02}" for at in range(1, 6))
    assert set(ServerView(attacked(), set()).sums) == {rest}
    monkeypatch.setattr(site_module, "MaskStream", NoOwnMask)
    broken = attacked()
    assert (ServerView(broken, set(), has_own_masks=False).sums[alone] == broken.values["site 00"]).all()


def test_a_server_that_shows_sites_keys_of_its_own_gets_no_masked_vector(monkeypatch: pytest.MonkeyPatch) -> None:
    own = X25519PrivateKey.generate()

    def with_own_keys(step: Step, name: str, message: Message) -> Message:
        if step is not Step.SHARE:
            return message
        forged = own.public_key().public_bytes_raw()
        return {peer: keys if peer == name else forged + keys[32:] for peer, keys in message.items()}

    round_ = SecureRound(values_of(4), 3, tamper=with_own_keys)
    with pytest.raises(ProtocolViolation, match="cannot be read"):
        round_.run()
    assert not round_.sent[Step.MASK]
    # Negative control: without the hash of all keys in the keys of each pair, the vectors are sent.
    monkeypatch.setattr(site_module, "transcript", lambda terms, advertisements: terms.digest)
    monkeypatch.setattr("federated.secure.server.transcript", lambda terms, advertisements: terms.digest)
    unbound = SecureRound(values_of(4), 3, tamper=with_own_keys)
    unbound.run()
    assert len(unbound.sent[Step.MASK]) == 4
