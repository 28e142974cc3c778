"""A withdrawal with two telephone numbers denies the people of both numbers."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from installation.contract.document import Contracts
from tests.pipelines.consent.statement_shop import GRANT, MEMBER, MOMENT, WITHDRAWAL, StatementShop

OWN, OTHER = "010-1234-5678", "010-7654-3210"
NAMELESS = {"member_no": None}


@pytest.fixture
def shop(tmp_path: Path, contracts: Contracts, engines) -> StatementShop:
    return StatementShop(tmp_path, contracts, engines.open("sail").spark)


def permitted_after(shop: StatementShop, phone: str) -> list[bool]:
    """Return whether each of two people is still permitted after a withdrawal by this phone field."""
    members = {"c_kim": (MEMBER, OWN), "c_lee": ("M000000004", OTHER)}
    shop.register(*(number for number, _ in members.values()))
    shop.land(*(GRANT | {"record_id": f"c_{n[-1]}", "member_no": n} for n, _ in members.values()))
    with closing(shop.open_store()) as store:
        for name, (number, own) in members.items():
            store.assign(shop.token("member_no", number), name, datetime(1, 1, 1))
            store.assign(shop.token("phone", own), name, datetime(1, 1, 1))
    assert all(shop.view.index.is_permitted(name, "analytics", MOMENT) for name in members)
    shop.land(WITHDRAWAL | NAMELESS | {"phone": phone})
    return [shop.view.index.is_permitted(name, "analytics", MOMENT) for name in members]


@pytest.mark.parametrize("mark", [" / ", ", ", " "])
def test_a_withdrawal_with_two_phones_denies_both_people(shop: StatementShop, mark: str) -> None:
    assert permitted_after(shop, f"{OWN}{mark}{OTHER}") == [False, False]


def test_without_the_contracts_pattern_the_second_person_stays_permitted(shop: StatementShop) -> None:
    # Negative control: the field is read, and its first number counts.
    contract = shop.contract
    columns = tuple(replace(c, pattern=None) if c.name == "phone" else c for c in contract.columns)
    loose = replace(contract, columns=columns)
    shop.contracts = Contracts(loose if c.id == loose.id else c for c in shop.contracts.values())
    assert permitted_after(shop, f"{OWN} / {OTHER}") == [False, True]


@pytest.mark.parametrize(
    "phone", [OWN, "+82 (0)10-1234-5678", "０１０-１２３４-５６７８", "010/1234/5678", "Tel. 010 1234 5678"]
)
def test_a_withdrawal_with_one_phone_is_read_in_every_spelling(shop: StatementShop, phone: str) -> None:
    assert permitted_after(shop, phone) == [False, True]
    assert shop.result.added == 0
