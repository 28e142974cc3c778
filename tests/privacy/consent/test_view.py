"""ConsentView on a real store: a view does not change, and a null customer permits only purposes without consent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from privacy.consent.errors import UnknownPurposeError
from privacy.consent.policy import built_in_policy
from privacy.consent.state import State
from privacy.consent.store import ConsentStore
from privacy.consent.view import MEMBERSHIP, RECORD, ConsentView
from tests.privacy.consent.test_store import NOON, record

POLICY = built_in_policy()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ConsentStore]:
    opened = ConsentStore(tmp_path / "consent.db", POLICY.taxonomy)
    opened.assign("s_1", "c_1", datetime(2020, 1, 1))
    opened.append([record("s_1", State.GIVEN)])
    yield opened
    opened.close()


def view_of(store: ConsentStore) -> ConsentView:
    return ConsentView(lambda: ConsentStore(store.path, POLICY.taxonomy), POLICY, "Shop", NOON + timedelta(days=1))


def test_a_null_customer_permits_exactly_the_purposes_that_do_not_rest_on_consent(store: ConsentStore) -> None:
    view = view_of(store)
    permitted = {purpose for purpose in POLICY.purposes if view.is_permitted(None, purpose)}
    assert permitted == {purpose for purpose in POLICY.purposes if POLICY.taxonomy[purpose].basis != "consent"}
    assert "service_delivery" in permitted
    assert view.is_permitted("c_1", "marketing")
    assert not view.is_permitted(None, "marketing")


def test_an_objection_to_all_denies_its_customer_and_not_the_null_customer(store: ConsentStore) -> None:
    store.append([record("s_1", State.RESTRICTED, purpose="*")])
    view = view_of(store)
    verdicts = [view.is_permitted(customer, "service_delivery") for customer in ("c_1", None)]
    assert verdicts == [False, True]


def test_a_view_that_was_used_does_not_see_later_records_and_memberships(store: ConsentStore) -> None:
    old = view_of(store)
    before, state = (old.table(RECORD), old.table(MEMBERSHIP)), old.state
    store.append([record("s_1", State.WITHDRAWN, NOON + timedelta(hours=1))])
    store.assign("s_2", "c_2", datetime(2021, 1, 1))
    assert (old.table(RECORD), old.table(MEMBERSHIP)) == before
    assert (old.state, old.is_permitted("c_1", "marketing")) == (state, True)
    new = view_of(store)
    assert new.state != state
    assert not new.is_permitted("c_1", "marketing")
    assert (len(new.table(RECORD)), len(new.table(MEMBERSHIP))) == (2, 2)


def test_an_unknown_purpose_or_table_name_is_refused(store: ConsentStore) -> None:
    for customer in (None, "c_1"):
        with pytest.raises(UnknownPurposeError):
            view_of(store).is_permitted(customer, "curiosity")
    with pytest.raises(KeyError, match="consent/record"):
        view_of(store).table("consent/receipt")
