"""Accounts of staff, in a file and in PostgreSQL: one active account a name, and revoked for good."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from agent_serving.authentication.staff_account import StaffAccounts
from agent_serving.errors import StaffAccountError
from tests.store_place import StorePlace

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def accounts(store_place: StorePlace) -> Iterator[StaffAccounts]:
    with closing(StaffAccounts(store_place.of("account.db"), lambda: NOON)) as opened:
        yield opened


def test_a_name_has_one_active_account_and_a_revoked_one_stays_revoked(accounts: StaffAccounts) -> None:
    first = accounts.add("minji", "marketer")
    assert (accounts.named("minji"), accounts.active(first.id)) == (first, first)
    with pytest.raises(StaffAccountError, match="an account minji already"):
        accounts.add("minji", "privacy_officer")
    accounts.revoke("minji")
    assert accounts.active(first.id) is None
    with pytest.raises(StaffAccountError, match="no account"):
        accounts.revoke("minji")
    second = accounts.add("minji", "analyst")
    assert second.id != first.id
    assert accounts.active(first.id) is None
    assert [one.is_active for one in accounts.all_accounts() if one.id == first.id] == [False]


def test_two_processes_cannot_add_the_same_name(store_place: StorePlace, accounts: StaffAccounts) -> None:
    with closing(StaffAccounts(store_place.of("account.db"), lambda: NOON)) as other:
        accounts.add("minji", "analyst")
        with pytest.raises(StaffAccountError):
            other.add("minji", "analyst")
        other.revoke("minji")
    assert accounts.all_accounts()[0].revoked_at == NOON


@pytest.mark.parametrize("name", ["", " x", "<b>", "a" * 81, "a\nb", "-x", "'"])
def test_a_name_that_a_log_could_not_show_is_refused(accounts: StaffAccounts, name: str) -> None:
    with pytest.raises(StaffAccountError, match="expected 1 to 80"):
        accounts.add(name, "analyst")
