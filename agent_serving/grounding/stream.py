"""Checks an answer while it is streamed: each sentence leaves as soon as it is complete and grounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent_serving.tool.item import Item


@dataclass(frozen=True)
class Grounded:
    """A finished answer.

    Attributes:
        text: the sentences that were released, without the marker.
        cards: the cited items in the order of the marker, each once.
        refused: for each sentence that was left out, the reasons, such as `price`; no text of it.
        is_cited: whether the answer ended with a readable marker.
        rest: the sentences of `text` that `feed` had not returned.
    """

    text: str
    cards: tuple[Item, ...]
    refused: tuple[tuple[str, ...], ...] = ()
    is_cited: bool = False
    rest: tuple[str, ...] = ()


class GroundedStream:
    """One answer that is being streamed.

        stream = GroundedStream(items, "ko")
        for chunk in model: for sentence in stream.feed(chunk): send(sentence)
        answer = stream.finish()          # answer.rest has the last sentences

    Args:
        items: the items of all results of the turn, in their order.
        language: the language of the answer.
        said: what the customer said in this turn. The answer may repeat its words, but state no fact by them.
    """

    def __init__(self, items: Sequence[Item], language: str, said: str = "") -> None:
        self._items, self._language, self._said = tuple(items), language, said

    def feed(self, chunk: str) -> list[str]:
        """Take the next piece of the model's text; return the sentences that are complete and grounded."""
        raise NotImplementedError

    def finish(self) -> Grounded:
        """Return the checked answer. `Grounded.text` is all sentences, those of the last piece as well."""
        raise NotImplementedError
