"""The error of a value that cannot be read, and the translation of its characters."""

from __future__ import annotations

# The name and the reason of a fault. The reason never holds the value.
Fault = tuple[str, str]
# Characters that nobody sees: zero-width ones, the byte order mark, and marks of the writing direction.
INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\t"
_WIDE = "0123456789+-.,:/%()'$"
_PLAIN = str.maketrans(
    {
        **dict.fromkeys(INVISIBLE),
        **dict.fromkeys(SPACES, " "),
        # Full-width forms of ASCII are 0xFEE0 higher.
        **{chr(ord(sign) + 0xFEE0): sign for sign in _WIDE},
        "￦": "₩",
        "￥": "¥",
        "\u2212": "-",
        "’": "'",
    }
)


class ValueFaultError(ValueError):
    """A text is not a value of the column's type. `fault` has its rule and reason; None if nothing is known."""

    def __init__(self, rule: str | None = None, reason: str = "") -> None:
        super().__init__(reason or "not a value of the type")
        self.fault: Fault | None = (rule, reason) if rule else None


def plain_text(text: str) -> str:
    """Return the text of a number or time with plain digits, signs and spaces, without spaces around it.

    Full-width digits and signs become ASCII, the minus sign U+2212 becomes a hyphen, every kind of space becomes a
    space, and invisible characters are removed. Dashes stay, because they may stand for a range.

    >>> plain_text(" １，２３４\u202f"), plain_text("−5")
    ('1,234', '-5')
    """
    return text.translate(_PLAIN).strip() if not text.isascii() else text.strip()
