"""Makes pseudonyms of customers, and of their orders and sessions, for one role and purpose.

pseudonym = "p_" + the first 128 bits of HMAC-SHA256(secret, role || 0x00 || purpose || 0x00 || customer id).
For a record, the key is HMAC-SHA256(secret, "record"), the prefix "r_", and the text of its identifier takes the
customer's place. So one order has one pseudonym in all tables that a role reads for a purpose.

Guarantee: without the secret, a pseudonym cannot be traced back to its identifier, and pseudonyms of two roles or
purposes cannot be recognised as those of one identifier. This holds as far as HMAC-SHA256 is a pseudorandom function.
It says nothing about other columns: two reads can be joined by equal rare values, such as an amount or a time.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable


def record_pseudonyms(secret: bytes, role: str, purpose: str, records: Iterable[str]) -> dict[str, str]:
    """Return the pseudonym of each record identifier (as text), for one role and purpose.

    >>> record_pseudonyms(bytes(32), "analyst", "analytics", ["7"])["7"][:2]
    'r_'
    """
    own = hmac.digest(secret, b"record", "sha256")
    return {one: f"r_{name[2:]}" for one, name in pseudonyms(own, role, purpose, records).items()}


def log_pseudonym(secret: bytes, customer: str) -> str:
    """Return the pseudonym by which the audit log names one customer. No role has it, so no read can be joined by it.

    With the secret, the entries about a customer are found while the customer's id is known. After an erasure it leads
    to nobody.
    """
    return pseudonyms(secret, "audit_log", "legal_records", [customer])[customer]


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
