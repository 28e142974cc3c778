"""Links and sessions of the portal, in a file and in PostgreSQL: used once, ended in time, erased."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from agent_serving.web.pass_store import IDLE, PassKind, PassStore
from tests.store_place import StorePlace

SECRET = bytes(range(32))
CONTENT = {"customer_id": "c_0123456789abcdef", "address": "mother@mail.example"}


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = datetime(2026, 5, 4, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def passes(store_place: StorePlace, clock: Clock) -> Iterator[PassStore]:
    with closing(PassStore(store_place.of("portal.db"), SECRET, clock)) as store:
        yield store


def test_a_link_is_redeemed_once_and_a_session_is_read_until_it_ends(passes: PassStore, clock: Clock) -> None:
    link = passes.issue(PassKind.LINK, CONTENT, CONTENT["customer_id"])
    assert passes.redeem(PassKind.PERSON, link) is None, "a link is no session"
    link = passes.issue(PassKind.LINK, CONTENT, CONTENT["customer_id"])
    assert passes.redeem(PassKind.LINK, link) == CONTENT
    assert passes.redeem(PassKind.LINK, link) is None
    session = passes.issue(PassKind.PERSON, CONTENT, CONTENT["customer_id"])
    clock.now += IDLE[PassKind.PERSON] - timedelta(minutes=1)
    assert passes.read(PassKind.PERSON, session) == CONTENT
    clock.now += IDLE[PassKind.PERSON] - timedelta(minutes=1)
    assert passes.read(PassKind.PERSON, session) == CONTENT, "its use was noted"
    clock.now += IDLE[PassKind.PERSON]
    assert passes.read(PassKind.PERSON, session) is None
    ended = passes.issue(PassKind.OFFICER, {"who": "officer"})
    passes.end(ended)
    assert passes.read(PassKind.OFFICER, ended) is None


def test_the_passes_of_a_person_are_deleted_by_any_process(
    passes: PassStore, store_place: StorePlace, clock: Clock
) -> None:
    mine, other = CONTENT["customer_id"], "c_fedcba9876543210"
    kept = passes.issue(PassKind.PERSON, {"customer_id": other}, other)
    with closing(PassStore(store_place.of("portal.db"), SECRET, clock)) as elsewhere:
        gone = elsewhere.issue(PassKind.PERSON, CONTENT, mine)
        assert passes.count_of([mine]) == 1
        assert passes.delete_of([mine, mine]) == 1
        assert elsewhere.read(PassKind.PERSON, gone) is None
        assert elsewhere.read(PassKind.PERSON, kept) == {"customer_id": other}


def test_the_store_shows_neither_secrets_nor_persons(passes: PassStore, store_place: StorePlace) -> None:
    secret = passes.issue(PassKind.PERSON, CONTENT, CONTENT["customer_id"])
    with store_place.outside("portal.db") as run:
        shown = repr(run("SELECT * FROM pass"))
    assert passes.owner(CONTENT["customer_id"]) in shown
    assert not [text for text in (secret, *CONTENT.values()) if text in shown]
