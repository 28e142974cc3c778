"""A session: one conversation of one caller, perhaps for one customer; and its turns."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import TypeAdapter

from agent_serving.llm.model import Usage
from agent_serving.tool.item import Item
from agent_serving.understanding.model import Understanding
from features.retrieval.answer import Caller

TOKEN_PREFIX = "bjs_"


@dataclass(frozen=True)
class Session:
    """One conversation. Only the caller that opened it, or the browser that has its token, continues it.

    Attributes:
        id: random, so that it cannot be guessed.
        owner: key of the identity that opened it (`Identity.key`).
        caller: the caller on whose behalf tools are called.
        customer_id: the signed-in customer; None for a visitor.
        branch: the branch whose offers are searched.
        opened_at: when it was opened, in UTC.
        last_at: when it was last used, in UTC.
    """

    id: str
    owner: str
    caller: Caller
    customer_id: str | None = field(repr=False)
    branch: str
    opened_at: datetime
    last_at: datetime


@dataclass(frozen=True)
class Turn:
    """One message and its answer, as they are kept. No personal data is in clear: both texts are masked.

    Attributes:
        at: when it was answered, in UTC.
        message: what the shopper wrote, masked.
        understanding: what the message was understood to say, for the next turn.
        answer: the checked text that was sent.
        cards: the cited items, for the next turn and for showing them again.
        is_personal: whether features of the customer were used. Such an answer is not used again without consent.
        answered_by: the model's name, or `rules`.
        usage: tokens of the turn's models.
    """

    at: datetime
    message: str = field(repr=False)
    understanding: Understanding = field(repr=False)
    answer: str = field(repr=False)
    cards: tuple[Item, ...] = field(default=(), repr=False)
    is_personal: bool = False
    answered_by: str = "rules"
    usage: Usage = field(default_factory=Usage)


_TURN = TypeAdapter(Turn)
_CALLER = TypeAdapter(Caller)


def write_turn(turn: Turn) -> bytes:
    """Return a turn as JSON."""
    return _TURN.dump_json(turn)


def read_turn(text: bytes | str) -> Turn:
    """Return the turn that `write_turn` wrote."""
    return _TURN.validate_json(text)


def write_caller(caller: Caller) -> str:
    """Return a caller as JSON."""
    return _CALLER.dump_json(caller).decode()


def read_caller(text: str | bytes) -> Caller:
    """Return the caller that `write_caller` wrote."""
    return _CALLER.validate_json(text)


def new_session_id() -> str:
    """Return an id of 128 random bits."""
    return f"v_{secrets.token_hex(16)}"


def new_token() -> str:
    """Return a token for a browser: 256 random bits. Only its digest is stored."""
    return f"{TOKEN_PREFIX}{secrets.token_urlsafe(32)}"


def token_digest(token: str) -> str:
    """Return the digest by which a token is found."""
    return hashlib.sha256(token.encode()).hexdigest()
