"""Finds the value that another spelling means, as the property `spellings` of a column states them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

_BETWEEN = re.compile(r"[\s_\-\u2010-\u2015]+")


def spelling_key(text: str) -> str:
    """Return a text without what makes no difference between spellings: case, width, outer spaces, hyphens.

    Characters that show nothing, such as a byte order mark, make no difference either.

    >>> spelling_key(" OPT-out "), spelling_key("opt_out"), spelling_key("\uff2f\uff30\uff34 \u200bOUT")
    ('opt out', 'opt out', 'opt out')
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    if not plain.isascii():
        plain = "".join(letter for letter in plain if unicodedata.category(letter) != "Cf")
    return _BETWEEN.sub(" ", plain).strip()


def read_spellings(stated: Mapping[str, Iterable[str]] | None, values: Iterable[object] = ()) -> dict[str, str]:
    """Return the value meant by each spelling key; empty if the contract states no spellings.

    Args:
        stated: the other spellings of each value.
        values: the allowed values of the column, which are spellings of themselves.
    """
    if stated is None:
        return {}
    own = {spelling_key(value): value for value in values if isinstance(value, str)}
    return own | {spelling_key(text): meant for meant, others in stated.items() for text in (meant, *others)}
