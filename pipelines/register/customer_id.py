"""Makes new customer ids: random surrogate keys, which contain no information about the person."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Callable

RANDOM_BYTES = 16  # 128 bits: a collision among a billion customers has a chance below 1e-20
PREFIX = "c_"
_FORM = re.compile(PREFIX + "[a-z2-7]{26}")


def opaque_ids(random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> Callable[[], str]:
    """Return a function that returns a new id at each call: `c_` and 26 base-32 characters.

    Args:
        random_bytes: source of randomness; by default the operating system's. Tests pass a seeded one.

    >>> import random
    >>> opaque_ids(random.Random(7).randbytes)()
    'c_hc2omuxejwt7enyntyta4jytmu'
    """

    def new_id() -> str:
        return PREFIX + base64.b32encode(random_bytes(RANDOM_BYTES)).decode().rstrip("=").lower()

    return new_id


def is_opaque_id(text: str) -> bool:
    """Return whether a text has the form of the ids that `opaque_ids` makes.

    >>> is_opaque_id("c_hc2omuxejwt7enyntyta4jytmu"), is_opaque_id("C1")
    (True, False)
    """
    return _FORM.fullmatch(text) is not None
