"""Sessions in a file and on a server, and the rights of the persons in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent_serving.conversation.redis_session_store import RedisSessionStore
from agent_serving.conversation.session import Session, Turn, new_session_id, new_token
from agent_serving.conversation.session_store import FILE, SessionStore, SqlSessionStore
from agent_serving.conversation.subject_store import Conversations
from agent_serving.llm.model import Usage
from agent_serving.tool.item import Item
from agent_serving.understanding.model import Intent, Language, Understanding, WantedItem
from features.retrieval.answer import Caller
from installation.installation import Installation
from installation.settings import load_settings
from privacy.rights.subject import Subject
from privacy.rights.subject_store import OutcomeKind
from tests.database_server import redis_server

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
CALLER = Caller("web-shop", "agent", frozenset({"personalisation"}), "authenticated")
SAID = Understanding(Language.KOREAN, Intent.BUY_NOW, 0.5, (WantedItem("사과", quantity=3),))
TURN = Turn(NOW, "사과 있어요?", SAID, "네.", (Item("product", "p1", "사과", {"price_won": 9900}),), usage=Usage(7, 1))


def session(customer: str | None = None, at: datetime = NOW) -> Session:
    return Session(new_session_id(), "api_key:1", CALLER, customer, "main", at, at)


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SessionStore]:
    if request.param == "sqlite":
        with closing(SqlSessionStore(tmp_path / "chat" / "session.db")) as one:
            yield one
        return
    if request.param == "postgresql":
        with closing(SqlSessionStore(request.getfixturevalue("postgres_stores_emptied"))) as shared:
            yield shared
        return
    with redis_server() as (url, _), closing(RedisSessionStore(url, "shop", timedelta(days=30))) as other:
        yield other


def test_a_session_keeps_its_turns_and_is_found_by_its_token(store: SessionStore) -> None:
    mine, token = session("c_1"), new_token()
    store.add(mine, token)
    assert store.get(mine.id) == mine == store.by_token(token)
    assert store.by_token(new_token()) is store.get("v_0") is None
    for number in range(3):
        later = Turn(NOW + timedelta(minutes=number), f"{number}", SAID, TURN.answer, TURN.cards, usage=TURN.usage)
        assert store.append(mine.id, later)
    assert [turn.message for turn in store.turns(mine.id, 2)] == ["1", "2"]
    assert store.turns(mine.id, 9)[0].cards == TURN.cards
    assert store.get(mine.id).last_at == NOW + timedelta(minutes=2)  # type: ignore[union-attr]
    store.check()


def test_a_deleted_session_is_gone_and_does_not_come_back_by_a_late_turn(store: SessionStore) -> None:
    mine, other, token = session("c_1"), session("c_2"), new_token()
    store.add(mine, token)
    store.add(other)
    store.append(mine.id, TURN)
    assert [one.id for one in store.of_customers(["c_1", "c_9"])] == [mine.id]
    assert store.delete(mine.id)
    assert not store.delete(mine.id)
    assert not store.append(mine.id, TURN)
    assert store.turns(mine.id, 9) == store.of_customers(["c_1"]) == []
    assert store.by_token(token) is None
    assert store.get(other.id) == other


def test_old_sessions_are_deleted(tmp_path: Path) -> None:
    with closing(SqlSessionStore(tmp_path / "chat" / "session.db")) as store:
        old, new = session(at=NOW - timedelta(days=31)), session()
        store.add(old)
        store.add(new)
        store.append(old.id, Turn(NOW - timedelta(days=31), "옛날", SAID, "네."))
        assert store.delete_before(NOW - timedelta(days=30)) == 1
        assert (store.get(old.id), store.turns(old.id, 9), store.get(new.id)) == (None, [], new)


def test_erasing_a_person_leaves_no_byte_of_the_conversation_and_nothing_else(tmp_path: Path) -> None:
    with Installation(load_settings(data_dir=tmp_path)) as installation:
        rights = Conversations(installation)
        subject, other = Subject("s_1", ("c_shopper0001",)), Subject("s_2", ("c_shopper0002",))
        assert list(rights.export(subject)) == list(rights.find(subject)) == []
        assert rights.verify([subject]).is_clean
        with closing(SqlSessionStore(tmp_path / FILE)) as store:
            for customer in ("c_shopper0001", "c_shopper0002", None):
                one = session(customer)
                store.add(one, new_token())
                store.append(one.id, Turn(NOW, f"말한 것 {customer}", SAID, "네."))
        (table,) = rights.export(subject)
        assert [row["message"] for row in table.rows] == ["말한 것 c_shopper0001"]
        assert rights.find(subject)[0].rows == 1
        # Negative control: before the erasure, the person is found.
        assert rights.verify([subject]).residues
        assert rights.erase([subject]).kind is OutcomeKind.DONE
        assert rights.erase([subject]).counts == {"sessions_deleted": 0}
        assert rights.verify([subject]).is_clean
        assert b"c_shopper0001" not in (tmp_path / FILE).read_bytes()
        assert len(list(rights.export(other))) == 1
