"""What a secure sum gives, and which messages end it."""

from collections.abc import Callable

import numpy as np
import pytest

from federated.secure.errors import ProtocolViolation, TooFewSites, UnsafeTerms
from federated.secure.exchange import Message, Step
from federated.secure.identity import Roster, SiteIdentity
from federated.secure.round_terms import RoundTerms, default_threshold
from federated.secure.site import SecureSite
from tests.federated.secure.secure_round import SecureRound, Vector


def values_of(sites: int, length: int = 7, seed: int = 0) -> dict[str, Vector]:
    rng = np.random.default_rng(seed)
    return {f"site {at:02}": rng.integers(0, 2**64, length, dtype=np.uint64) for at in range(sites)}


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("sites", [4, 20])
def test_the_sum_is_exact_when_three_in_ten_sites_drop_out_at_any_step(step: Step, sites: int) -> None:
    values = values_of(sites)
    dropped = set(np.random.default_rng(sites).choice(sorted(values), int(sites * 0.3), replace=False))
    round_ = SecureRound(values, default_threshold(sites), {step: dropped})
    total = round_.run()
    expected = set(values) - dropped if step in (Step.ADVERTISE, Step.SHARE, Step.MASK) else set(values)
    assert set(round_.server.survivors) == expected
    assert (total == round_.sum_of(expected)).all()


def test_sites_may_drop_out_in_every_step_of_one_round() -> None:
    values = values_of(20)
    drops = {step: {f"site {at:02}"} for at, step in enumerate(Step, start=3)}
    round_ = SecureRound(values, default_threshold(20), drops)
    total = round_.run()
    assert len(round_.server.survivors) == 17
    assert (total == round_.sum_of(round_.server.survivors)).all()


@pytest.mark.parametrize("step", Step)
def test_a_round_below_the_threshold_ends_without_a_sum(step: Step) -> None:
    with pytest.raises(TooFewSites, match=f"3 sites answered the step '{step}'"):
        SecureRound(values_of(5), 4, {step: {"site 01", "site 03"}}).run()


def test_a_masked_vector_is_uniform_although_every_value_is_zero() -> None:
    zeros = {name: np.zeros(20_000, dtype=np.uint64) for name in values_of(3)}
    round_ = SecureRound(zeros, 3)
    assert (round_.run() == 0).all()
    for name in zeros:
        sent = np.frombuffer(round_.sent[Step.MASK][name][name], dtype=np.uint8)
        counts = np.bincount(sent, minlength=256)
        assert ((counts - len(sent) / 256) ** 2 / (len(sent) / 256)).sum() < 400  # χ² of 255 degrees: p = 10⁻⁸.


def test_a_round_continues_in_another_process_from_its_memory() -> None:
    values = values_of(3)
    round_ = SecureRound(values, 3)
    identities = {name: site._identity for name, site in round_.sites.items()}

    def restarted(step: Step, name: str, message: Message) -> Message:
        if name in round_.memories:
            round_.sites[name] = SecureSite(identities[name], round_.roster, round_.terms, round_.memories[name])
        return message

    round_.tamper = restarted
    assert (round_.run() == round_.sum_of(set(values))).all()


def test_a_step_that_is_asked_twice_or_too_early_is_refused() -> None:
    round_ = SecureRound(values_of(3), 3)
    site = round_.sites["site 00"]
    with pytest.raises(ProtocolViolation, match="asked for the step 'reveal'; expected 'advertise'"):
        site.reveal({})
    round_.run()
    with pytest.raises(ProtocolViolation, match="expected 'none: the round is over'"):
        site.reveal(round_.asked[Step.REVEAL]["site 00"])


def test_messages_of_an_earlier_round_are_refused() -> None:
    values = values_of(3)
    first = SecureRound(values, 3)
    first.run()

    def replay(step: Step, name: str, message: Message) -> Message:
        return first.asked[step][name] if step is Step.MASK else message

    with pytest.raises(ProtocolViolation, match="cannot be read"):
        SecureRound(values, 3, tamper=replay, number=1).run()


def test_a_round_that_ends_before_the_masks_asks_for_no_values() -> None:
    round_ = SecureRound(values_of(5), 4)
    carry, asked = round_.carry, []

    def few(step: Step, messages: dict[str, Message]) -> dict[str, Message]:
        if step is Step.MASK:
            site = round_.sites["site 00"]
            with pytest.raises(TooFewSites):
                site.mask(dict(list(messages["site 00"].items())[:2]), lambda: asked.append("values"))
            raise TooFewSites("mask", 3, 4)
        return dict(carry(step, messages))

    round_.carry = few
    with pytest.raises(TooFewSites):
        round_.run()
    assert asked == []


def test_sites_with_other_terms_cannot_read_each_other() -> None:
    round_ = SecureRound(values_of(3), 3)
    other = RoundTerms("run", 0, 7, 2)
    round_.sites["site 01"] = SecureSite(round_.sites["site 01"]._identity, round_.roster, other)
    with pytest.raises(ProtocolViolation, match="different rosters, terms or keys"):
        round_.run()


def test_an_altered_share_or_confirmation_ends_the_round() -> None:
    def altered(at: Step) -> SecureRound:
        def tamper(step: Step, name: str, message: Message) -> Message:
            if step is not at or name != "site 02":
                return message
            return {peer: item[:-1] + bytes([item[-1] ^ 1]) for peer, item in message.items()}

        return SecureRound(values_of(3), 3, tamper=tamper)

    with pytest.raises(ProtocolViolation, match="cannot be read"):
        altered(Step.MASK).run()
    with pytest.raises(ProtocolViolation, match="was told other survivors"):
        altered(Step.REVEAL).run()


def spoiled(step: Step, drops: dict[Step, set[str]], change: Callable[[Message], Message], sites: int) -> SecureRound:
    """Return a round in which site 00 sends something else in a step."""
    round_ = SecureRound(values_of(sites), 3, drops)
    carry = round_.carry

    def spoiling(at: Step, messages: dict[str, Message]) -> dict[str, Message]:
        answers = dict(carry(at, messages))
        if at is step:
            answers["site 00"] = change(answers["site 00"])
        return answers

    round_.carry = spoiling
    return round_


@pytest.mark.parametrize("dropped", [{}, {Step.MASK: {"site 04"}}])
def test_an_altered_share_is_avoided_if_there_are_enough_others(dropped: dict[Step, set[str]]) -> None:
    def alter(message: Message) -> Message:
        return {name: bytes(32) + b"\1" for name in message}

    round_ = spoiled(Step.REVEAL, dropped, alter, 5)
    assert (round_.run() == round_.sum_of(round_.server.survivors)).all()
    without = {Step.REVEAL: {"site 01", "site 02"} if not dropped else {"site 01"}}
    with pytest.raises(ProtocolViolation, match="too many sites altered a share"):
        spoiled(Step.REVEAL, dropped | without, alter, 5).run()


@pytest.mark.parametrize("step", Step)
def test_a_site_that_sends_another_message_than_asked_drops_out(step: Step) -> None:
    round_ = spoiled(step, {}, lambda message: {"nonsense": b""}, 5)
    total = round_.run()
    assert round_.server.left_out == {"site 00": f"its answer to the step '{step}' has the wrong form"}
    assert (total == round_.sum_of(round_.server.survivors)).all()


def test_a_site_with_keys_that_give_no_secret_drops_out() -> None:
    round_ = spoiled(Step.ADVERTISE, {}, lambda message: {"site 00": bytes(96)}, 5)
    assert (round_.run() == round_.sum_of([f"site {at:02}" for at in range(1, 5)])).all()


def test_a_site_that_answers_unasked_ends_the_round() -> None:
    round_ = SecureRound(values_of(5), 3)
    carry = round_.carry
    round_.carry = lambda step, messages: {**carry(step, messages), "site 99": {}}
    with pytest.raises(ProtocolViolation, match="'site 99' answered the step 'advertise' without being asked"):
        round_.run()


def test_terms_that_let_two_groups_of_sites_reach_the_threshold_are_refused() -> None:
    with pytest.raises(UnsafeTerms, match="3 of 6 sites; expected more than half"):
        SecureRound(values_of(6), 3).run()
    with pytest.raises(UnsafeTerms, match="a site's own value"):
        RoundTerms("run", 0, 1, 1)


def test_a_site_refuses_a_roster_with_another_key_for_itself() -> None:
    ours, theirs, forged = (SiteIdentity.generate(name) for name in ("a", "b", "a"))
    roster = Roster({"a": forged.public_key, "b": theirs.public_key})
    with pytest.raises(ProtocolViolation, match="another key for site 'a'"):
        SecureSite(ours, Roster.from_json(roster.to_json()), RoundTerms("run", 0, 1, 2))
    kept = SiteIdentity.from_bytes("a", ours.to_bytes())
    assert kept.public_key == ours.public_key
    assert ours.to_bytes().hex() not in repr(ours)
