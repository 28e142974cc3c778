"""What a steward may write down, and which decision counts."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from pipelines.register.decision import (
    Decision,
    DecisionError,
    as_rows,
    check_reason,
    from_rows,
    lasting_keys,
    steward_links,
)

AT = datetime(2017, 1, 1)


def decision(number: int, verdict: str, left: str, right: str, **more: object) -> Decision:
    sides = ((("member_no", left),), (("member_no", right),))
    ids = (f"c_{left}", f"c_{right}")
    return Decision(f"d{number}", AT + timedelta(hours=number), verdict, *sides, "why", "me", *ids, **more)  # type: ignore[arg-type]


def nodes_of(key: tuple[str, str]) -> list[int]:
    return [int(key[1])] if key[1].isdigit() else []


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201, "mail to kim@shop.example", "called 010-1234-5678"])
def test_an_empty_long_or_personal_reason_is_refused(reason: str) -> None:
    with pytest.raises(DecisionError):
        check_reason(reason)


def test_extra_spaces_of_a_reason_are_removed() -> None:
    assert check_reason("  saw both\n cards, ticket 1234 ") == "saw both cards, ticket 1234"


def test_a_later_decision_about_a_pair_replaces_the_earlier_one() -> None:
    first, second = decision(1, "same", "1", "2"), decision(2, "different", "2", "1")
    links = steward_links([second, first], nodes_of)
    assert (links.join_groups.tolist(), links.cannot_link.tolist()) == ([], [[1, 2]])
    links = steward_links([first, second, decision(3, "same", "1", "2")], nodes_of)
    assert (links.join_groups.tolist(), links.cannot_link.tolist()) == ([[1, 2]], [])


def test_a_decision_about_keys_without_records_has_no_effect() -> None:
    links = steward_links([decision(1, "same", "gone", "2"), decision(2, "different", "3", "gone")], nodes_of)
    assert not len(links.join_groups)
    assert not len(links.cannot_link)


def test_decisions_are_equal_after_writing_and_reading_rows() -> None:
    made = (decision(1, "same", "1", "2"), decision(2, "different", "3", "4", holds_together=True, event_id="e_1"))
    assert from_rows(as_rows(made)) == made


def test_lasting_keys_are_numbers_and_without_numbers_the_email() -> None:
    keys = [("email", "e"), ("card_no", "c"), ("phone", "p"), ("member_no", "m")]
    assert lasting_keys(keys) == (("card_no", "c"), ("member_no", "m"))
    assert lasting_keys(keys[:1] + keys[2:3]) == (("email", "e"),)
    assert lasting_keys([("account_no", "a")]) == ()
