"""Decodes what a TC string says about purposes (IAB Europe, Transparency & Consent Framework 2.0 to 2.3).

A TC string is a list of segments, each in URL-safe base 64, joined by dots. The first is the core, with the consents
that all vendors share. The segment of type 3, if there is one, has those of the publisher, here the shop. Consents
of single vendors and legitimate interests are not read: the shop collects as publisher, and asks for consent.
"""

from __future__ import annotations

import base64
import binascii

PURPOSES = range(1, 12)
"""The purposes of the framework's policy; a string has places for 24."""
_PLACES = 24
_VERSION = 2
_CORE_CONSENT, _CORE_VENDORS = 152, 213
"""Bits of the core segment at which the purposes with consent begin, and the lists of vendors."""
_CORE_LETTERS = (108, 114, 201, 207)
"""Bits of the core segment at which the letters of the language and of the country begin; each has six bits."""
_PUBLISHER = 3
"""Type of the publisher's segment. The type is its first three bits; 24 purposes with consent follow."""


class TcStringError(ValueError):
    """A text is no TC string of version 2."""


def consented_purposes(text: str) -> frozenset[int]:
    """Return the numbers of the purposes to which a person consents: those of the publisher's segment, else the core's.

    Raises:
        TcStringError: the text is no TC string of version 2.

    >>> core, publisher = "CQuf10AQuf10AAfABBENAKFAAKAAAAAAAAYgFeQAgABAK8AAAAAA", "aAQAAAAAAAAA"
    >>> sorted(consented_purposes(core)), sorted(consented_purposes(f"{core}.{publisher}"))
    ([1, 3], [2, 11])
    """
    core, *others = text.strip().split(".")
    bits = _bits(core)
    if int(bits[:6], 2) != _VERSION or not _is_whole(bits):
        raise TcStringError("The consent signal is no TC string of version 2, or it is damaged.")
    consents = bits[_CORE_CONSENT : _CORE_CONSENT + _PLACES]
    publisher = [segment[3 : 3 + _PLACES] for segment in map(_bits, others) if int(segment[:3], 2) == _PUBLISHER]
    if len(publisher) > 1:
        raise TcStringError("A TC string has two publisher's segments.")
    consents = publisher[0] if publisher else consents
    if len(consents) < _PLACES:
        raise TcStringError("The publisher's segment of a TC string is cut off.")
    return frozenset(number for number in PURPOSES if consents[number - 1] == "1")


def _is_whole(bits: str) -> bool:
    """Return whether the core is well formed to its end. A character that is lost would move all consents."""
    try:
        at = _end_of_vendors(bits, _end_of_vendors(bits, _CORE_VENDORS))
        restrictions, at = int(bits[at : at + 12], 2), at + 12
        for _ in range(restrictions):  # each has a purpose and a type, in eight bits
            at = _end_of_ranges(bits, at + 8)
    except ValueError:  # it ends too early
        return False
    has_letters = all(int(bits[place : place + 6], 2) < 26 for place in _CORE_LETTERS)
    # Some libraries fill up to whole bytes, others to whole groups of 24 bits.
    return has_letters and at <= len(bits) < at + 24 and "1" not in bits[at:]


def _end_of_vendors(bits: str, at: int) -> int:
    """Return where a list of vendors ends: the greatest number, then a bit for each vendor, or ranges of numbers."""
    greatest, form = int(bits[at : at + 16], 2), int(bits[at + 16 : at + 17], 2)
    return _end_of_ranges(bits, at + 17) if form else at + 17 + greatest


def _end_of_ranges(bits: str, at: int) -> int:
    count, at = int(bits[at : at + 12], 2), at + 12
    for _ in range(count):  # one number, or the first and the last
        at += 33 if int(bits[at : at + 1], 2) else 17
    return at


def _bits(segment: str) -> str:
    try:
        # The framework writes no padding.
        content = base64.b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise TcStringError("A segment of a TC string is not in base 64.") from error
    if not content:
        raise TcStringError("A segment of a TC string is empty.")
    return "".join(f"{byte:08b}" for byte in content)
