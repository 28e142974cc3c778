"""Makes pseudonyms of customers for one role and purpose.

pseudonym = "p_" + the first 128 bits of HMAC-SHA256(secret, role || 0x00 || purpose || 0x00 || customer id).

Guarantee: without the secret, a pseudonym cannot be traced back to the customer, and pseudonyms of two roles or
purposes cannot be recognised as those of one customer. This holds as far as HMAC-SHA256 is a pseudorandom function.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable


def pseudonyms(secret: bytes, role: str, purpose: str, customers: Iterable[str]) -> dict[str, str]:
    """Return the pseudonym of each customer, for one role and purpose.

    >>> one = pseudonyms(bytes(32), "analyst", "analytics", ["c_1", "c_2"])
    >>> one == pseudonyms(bytes(32), "analyst", "analytics", ["c_1", "c_2"])
    True
    >>> one["c_1"] == pseudonyms(bytes(32), "analyst", "research", ["c_1"])["c_1"]
    False
    """
    keyed = hmac.new(secret, f"{role}\0{purpose}\0".encode(), hashlib.sha256)
    made = {}
    for customer in customers:
        state = keyed.copy()
        state.update(customer.encode())
        made[customer] = f"p_{state.hexdigest()[:32]}"
    return made
