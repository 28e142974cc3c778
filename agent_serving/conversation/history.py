"""The history of a conversation as a model sees it: what was said, and of results only the names that were shown."""

from __future__ import annotations

from collections.abc import Sequence

from agent_serving.conversation.session import Turn
from agent_serving.llm.model import Message

MOST_TURNS = 6
"""Turns that a prompt repeats. Older wishes have rarely anything to do with the new one."""
_MOST_CHARACTERS = 300
"""Of one message or answer in the history."""
_MOST_NAMES = 4
_BYTES_OF_TOKEN = 2
"""UTF-8 bytes of a token, at least: a token of Korean is one or two syllables of three bytes."""
_ELSEWHERE_TOKENS = 3000
"""What the rest of a prompt and the answer take at most: system prompt, tools or results, message, answer."""


def compact(turns: Sequence[Turn], context_tokens: int, *, may_be_personal: bool) -> list[Message]:
    """Return the last turns as messages, within what a model's context leaves for them.

    Args:
        turns: the oldest first.
        context_tokens: the model's context.
        may_be_personal: whether the customer permits personalisation now. Otherwise answers that used the customer's
            features are left out: a withdrawal holds for what was said before it, too.
    """
    left = (context_tokens - _ELSEWHERE_TOKENS) * _BYTES_OF_TOKEN
    chosen: list[list[Message]] = []
    for turn in reversed(turns[-MOST_TURNS:]):
        is_hidden = turn.is_personal and not may_be_personal
        pair = [Message("user", _cut(turn.message)), Message("assistant", "…" if is_hidden else _answer(turn))]
        left -= sum(len(message.content.encode()) for message in pair)
        if left < 0:
            break
        chosen.append(pair)
    return [message for pair in reversed(chosen) for message in pair]


def _answer(turn: Turn) -> str:
    names = ", ".join(f"{card.kind} {card.title}" for card in turn.cards[:_MOST_NAMES])
    return _cut(turn.answer) + (f"\n({names})" if names else "")


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"
