"""Checks an answer while it is streamed: each sentence leaves as soon as it is complete and grounded."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from agent_serving.grounding.check import SentenceCheck
from agent_serving.grounding.marker import CLOSE, LONGEST_MARKER, OPEN, cited_items, plain_brackets
from agent_serving.grounding.source import Sources
from agent_serving.tool.item import Item

LONGEST_SENTENCE = 500
"""A longer sentence is refused: answers have short ones, and the shopper would wait for it."""
# A full stop ends a sentence at once after a word of Hangul or of small letters; elsewhere only before a space.
_END = re.compile(
    r"[!?。！？…]+[\"'”’」』)*]*\s*|\n+|(?<=[가-힣]{2})[.][\"'”’)*]*\s*|(?<=[a-z]{3})[.][\"'”’)*]*\s*|[.][\"'”’)*]*\s+"
)
_MARKER_BEGINS = re.compile(r"<[\s\u200b]{0,2}<")


@dataclass(frozen=True)
class Grounded:
    """A finished answer.

    Attributes:
        text: the sentences that were released, without the marker.
        cards: the cited items in the order of the marker, each once.
        refused: for each sentence that was left out, the reasons, such as `money`; no text of it.
        is_cited: whether the answer ended with a readable marker.
        rest: the sentences of `text` that `feed` has not returned.
    """

    text: str
    cards: tuple[Item, ...]
    refused: tuple[tuple[str, ...], ...] = ()
    is_cited: bool = False
    rest: tuple[str, ...] = ()


class GroundedStream:
    """One answer that is being streamed.

        stream = GroundedStream(items, "ko")
        for chunk in model: send(stream.feed(chunk))
        answer = stream.finish(); send(answer.rest)

    Args:
        items: the items of all results of the turn, in their order.
        language: the language of the answer: `ko`, `en`, `ja` or `zh`.
        said: what the customer said in this turn. The answer may repeat its words, but state no fact by them.
        names: names that may be stated besides, such as those of the shop and the branch.
        has_other_name: returns whether a text has a registered name that is none of the items'; None: not looked up.
        has_personal_data: returns whether a text has personal data (`Guardrail.has_personal_data`); None: not checked.
    """

    def __init__(
        self,
        items: Sequence[Item],
        language: str,
        said: str = "",
        *,
        names: Iterable[str] = (),
        has_other_name: Callable[[str], bool] | None = None,
        has_personal_data: Callable[[str], bool] | None = None,
    ) -> None:
        self._items = tuple(items)
        sources = Sources(self._items, said, names)
        self._check = SentenceCheck(sources, language, has_other_name, has_personal_data)
        self._buffer = ""
        self._sent: list[str] = []
        self._refused: list[tuple[str, ...]] = []
        self._marker: str | None = None
        self._is_too_long = False

    def feed(self, chunk: str) -> list[str]:
        """Take the next piece of the model's text; return the sentences that are complete and grounded."""
        self._buffer += _visible(plain_brackets(chunk))
        self._take_markers()
        return self._release(is_end=False)

    def finish(self) -> Grounded:
        """Return the checked answer."""
        self._take_markers()
        if (begin := _MARKER_BEGINS.search(self._buffer)) is not None:
            # A marker that was cut cites nothing and is not shown.
            self._buffer, self._marker = self._buffer[: begin.start()], None
        self._buffer = self._buffer.rstrip("<")
        rest = self._release(is_end=True)
        cards = None if self._marker is None else cited_items(self._marker, self._items)
        text = " ".join(self._sent)
        return Grounded(text, cards or (), tuple(self._refused), cards is not None, tuple(rest))

    def _take_markers(self) -> None:
        """Take complete markers out of the text. Only the last one counts, and only if no sentence follows it."""
        while (begin := _MARKER_BEGINS.search(self._buffer)) is not None:
            end = self._buffer.find(CLOSE, begin.end())
            if end < 0:
                if len(self._buffer) - begin.end() > LONGEST_MARKER:
                    # Never closed: what follows is dropped as part of it.
                    self._buffer = self._buffer[: begin.start()] + OPEN
                    self._marker = None
                return
            self._marker = self._buffer[begin.end() : end]
            self._buffer = self._buffer[: begin.start()] + "\n" + self._buffer[end + len(CLOSE) :]

    def _release(self, *, is_end: bool) -> list[str]:
        held = len(self._buffer)
        if not is_end:
            begin = _MARKER_BEGINS.search(self._buffer)
            held = (
                begin.start() if begin else len(self._buffer.rstrip("< \u200b")) if "<" in self._buffer[-3:] else held
            )
        released: list[str] = []
        done = 0
        for end in _END.finditer(self._buffer, 0, held):
            # A stop at the very end may go on: more signs, or the rest of a number.
            released += self._checked(self._buffer[done : end.end()])
            done = end.end()
        if is_end and self._buffer[done:held].strip():
            released += self._checked(self._buffer[done:held])
            done = held
        self._buffer = self._buffer[done:]
        if len(self._buffer) > LONGEST_SENTENCE and not _MARKER_BEGINS.search(self._buffer):
            self._buffer, self._is_too_long = self._buffer[-1:], True
        return released

    def _checked(self, sentence: str) -> list[str]:
        if not sentence.strip():
            return []
        faults = (
            ("too_long",) if self._is_too_long or len(sentence) > LONGEST_SENTENCE else self._check.faults(sentence)
        )
        self._is_too_long = False
        if faults:
            self._refused.append(faults)
            return []
        self._sent.append(sentence.strip())
        return [sentence.strip()]


def _visible(text: str) -> str:
    """Return a text in NFC without characters that show nothing, which could split a name or a number."""
    kept = "".join(
        letter
        for letter in text
        if letter in "\n\t " or unicodedata.category(letter) not in ("Cf", "Cc", "Co", "Cs", "Cn")
    )
    return unicodedata.normalize("NFC", kept)
