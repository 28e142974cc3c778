"""The forms in which a value may be stored in a file.

A form is folded: ASCII letters are lower case, and separators (spaces, hyphens, dots, brackets) are removed. Folding
works byte by byte, so it gives the same for a text and for a part of it: if a file contains a form, the folded file
contains the folded form.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import quote

from privacy.errors import PrivacyError
from privacy.protection.normal_form import DEFAULT_REGION, normalise_phone

Kind: TypeAlias = Literal["text", "phone"]
SHORTEST_FORM = 6
"""Length in bytes of the shortest form. Shorter ones occur in any large file by chance."""

_SEPARATORS = b" \t-.()_/+"
_SMALL = bytes(range(256)).lower()
# Dashes, dots and characters without width that NFKC does not change.
_UNICODE_SEPARATORS = dict.fromkeys(
    [*range(0x2010, 0x2016), *range(0x200B, 0x2010), 0x2212, 0xB7, 0xAD, 0x2060, 0xFEFF]
)
_FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


class ScanError(PrivacyError):
    """A needle cannot be searched for, or there are no needles."""


@dataclass(frozen=True)
class Needle:
    """A value to search for. Findings show only `name`, which must not reveal the value. `repr` hides the value."""

    name: str
    value: str
    kind: Kind = "text"

    def __repr__(self) -> str:
        return f"Needle({self.name})"


def fold(data: bytes) -> bytes:
    """Return the bytes with ASCII letters in lower case and without separators.

    >>> fold(b"Kim-Ha.neul 010-1234")
    b'kimhaneul0101234'
    """
    return data.translate(_SMALL, _SEPARATORS)


def fold_text(text: str) -> bytes:
    """Return the form that all spellings of a text have in common: NFKC, no case, no separators.

    >>> fold_text("０１０－1234\u20115678"), fold_text("KIM") == fold_text("kim")
    (b'01012345678', True)
    """
    if text.isascii():
        return fold(text.encode())
    common = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return fold(common.translate(_UNICODE_SEPARATORS).encode("utf-8", "surrogatepass"))


def forms(needle: Needle, region: str = DEFAULT_REGION) -> frozenset[bytes]:
    """Return all folded forms of a needle.

    Raises:
        ScanError: the value has fewer than six bytes without separators.
    """
    core = _core(needle, region)
    shortest = fold_text(core)
    if len(shortest) < SHORTEST_FORM:
        raise ScanError(
            f"{needle.name} has {len(shortest)} bytes without separators; expected {SHORTEST_FORM} or more, "
            "because shorter values occur in any large file by chance."
        )
    found = {fold(encoded) for text in _spellings(core) for encoded in _encodings(text)}
    return frozenset(form for form in (shortest, *found) if len(form) >= SHORTEST_FORM)


def numbers(needle: Needle, region: str = DEFAULT_REGION) -> frozenset[int]:
    """Return the integers that may stand for a needle of digits in a column; an empty set for other needles."""
    texts = {"".join(filter(str.isdigit, unicodedata.normalize("NFKC", text))) for text in (needle.value,)}
    core = _core(needle, region)
    if needle.kind == "phone":
        texts |= {core, (normalise_phone(needle.value, region) or "").lstrip("+")}
    elif not fold_text(core).isdigit():
        return frozenset()
    return frozenset(int(text) for text in texts if text.isdigit() and len(text) >= SHORTEST_FORM)


def _core(needle: Needle, region: str) -> str:
    """Return the part that all spellings contain. For a phone number: the digits without country code and leading 0."""
    if needle.kind != "phone":
        return needle.value
    import phonenumbers

    number = normalise_phone(needle.value, region)
    if number is None:
        return "".join(filter(str.isdigit, unicodedata.normalize("NFKC", needle.value)))
    return str(phonenumbers.parse(number).national_number)


def _spellings(text: str) -> Iterator[str]:
    """Yield a text in other Unicode spellings: normalised, without case, full width, without spaces."""
    yield text
    for form in ("NFC", "NFD", "NFKC"):
        yield unicodedata.normalize(form, text)
    plain = unicodedata.normalize("NFC", text)
    yield plain.casefold()
    yield plain.translate(_FULL_WIDTH)
    yield "".join(plain.split())
    yield unicodedata.normalize("NFD", "".join(plain.split()))


def _encodings(text: str) -> Iterator[bytes]:
    """Yield the bytes of a text in several encodings and escapes, for content that cannot be decoded."""
    encoded = text.encode("utf-8", "surrogatepass")
    yield encoded
    yield text.encode("utf-16-le", "surrogatepass")
    yield text.encode("utf-16-be", "surrogatepass")
    yield text.encode("cp949", "ignore") if _fits_cp949(text) else b""
    yield json.dumps(text).strip('"').encode()
    yield quote(text, safe="").encode()
    yield encoded.hex().encode()
    yield repr(encoded)[2:-1].encode()


def _fits_cp949(text: str) -> bool:
    try:
        text.encode("cp949")
    except UnicodeEncodeError:
        return False
    return True
