"""Splits Korean text into morphemes with kiwipiepy, which also knows our words."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from agent_serving.understanding.vocabulary import vocabulary

if TYPE_CHECKING:
    from kiwipiepy import Kiwi

_DIALECT = (("허고", "하고"), ("헐라", "할라"), ("허믄", "하믄"), ("헌디", "한디"), ("허는", "하는"))
"""Forms of the south that the analyser takes for nouns. Both sides are of one length, so that places stay."""
_HIGHEST_UNKNOWN = 99
"""The analyser numbers the words of its dictionary above this. Smaller numbers are parts of speech."""
_HANGUL_WORD = re.compile("[가-힣]{2,}")


@dataclass(frozen=True)
class Token:
    """One morpheme: its form, its Sejong tag, where it stands in the text, and whether the dictionary has it."""

    form: str
    tag: str
    start: int
    end: int
    is_known: bool = True
    score: float = 0.0
    """Logarithm of how usual the morpheme is at its place."""

    @property
    def is_noun(self) -> bool:
        """Whether it can stand in the name of a product."""
        return self.tag in {"NNG", "NNP", "XR", "XPN", "XSN", "SL", "SH", "W_SERIAL", "UN"}

    @property
    def is_particle(self) -> bool:
        """Whether it is a particle, the copula or an ending."""
        return self.tag[0] in "JE" or self.tag.startswith("VCP")


class Morphology:
    """The analyser of one process. Loading takes a second and 0.4 GB, a message then 0.3 ms."""

    def __init__(self) -> None:
        from kiwipiepy import Kiwi

        self._kiwi: Kiwi = Kiwi(num_workers=1)
        words = vocabulary()
        for word in {*words.products, *words.brands, *words.places, "제로"}:
            # Words of one syllable, and forms of verbs, are left to the context that the analyser sees.
            if _HANGUL_WORD.fullmatch(word) and word not in words.grammar("verb_form"):
                self._kiwi.add_user_word(word, "NNP", 0.0)

    def tokens(self, text: str) -> list[Token]:
        """Return the morphemes of a text in their order."""
        for form, standard in _DIALECT:
            text = text.replace(form, standard)
        return self._read(self._kiwi.tokenize(text, normalize_coda=True))

    def standard_tokens(self, text: str) -> list[Token]:
        """Return the morphemes of a text that an answer states. An unknown word is not read as a typing slip."""
        return self._read(self._kiwi.tokenize(text))

    @staticmethod
    def _read(found: Iterable[Any]) -> list[Token]:
        tokens: list[Token] = []
        for t in found:
            # The dictionary has terms of several words (견과 알레르기), which are words of their own here.
            if " " in t.form:
                words = re.finditer(r"\S+", t.form)
                tokens += (Token(w.group(), t.tag, t.start + w.start(), t.start + w.end()) for w in words)
            else:
                tokens.append(Token(t.form, t.tag, t.start, t.start + t.len, t.id > _HIGHEST_UNKNOWN, t.score))
        return tokens


_LOCK = threading.Lock()


@lru_cache(maxsize=1)
def _load() -> Morphology:
    return Morphology()


def morphology() -> Morphology:
    """Return the analyser of this process; it is loaded once, also when many threads ask at the same time.

    Raises:
        ImportError: kiwipiepy is not installed; it belongs to the extra `agent`.
    """
    with _LOCK:
        return _load()
