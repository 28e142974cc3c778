"""A text in the languages of the portal and of the answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "ko"]


@dataclass(frozen=True)
class Wording:
    """One text in English and in Korean.

    >>> Wording("Purchases", "구매 내역").text("ko")
    '구매 내역'
    """

    en: str
    ko: str

    def text(self, language: Language) -> str:
        """Return the text in one language."""
        return self.ko if language == "ko" else self.en
