"""Splits a site's rows into those to train on and those held out, by customer."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

from federated.schema import SiteTable


def split_by_customer(data: SiteTable, share: float) -> tuple[SiteTable, SiteTable]:
    """Returns the rows to train on and the rows held out.

    A hash of the customer id decides, so a customer is on the same side in every round, after every restart, and
    with all of their rows.
    """
    if share <= 0 or not len(data):
        return data, data.take(np.zeros(len(data), dtype=np.bool_))
    unique, place = np.unique(data.customer, return_inverse=True)
    limit = int(share * 2**64)
    is_held = np.array([_hash(str(one)) < limit for one in unique.tolist()], dtype=np.bool_)[place]
    return data.take(~is_held), data.take(is_held)


def _hash(customer: str) -> int:
    return int.from_bytes(blake2b(customer.encode(), digest_size=8, person=b"held out").digest(), "big")
