"""Splits a site's rows into those to train on and those held out, by customer."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from federated.schema import Site, SiteTable, TableSchema

SHARE = 0.25


def split_by_customer(data: SiteTable, share: float = SHARE) -> tuple[SiteTable, SiteTable]:
    """Returns the rows to train on and the rows held out.

    A hash of the customer id decides, so a customer is on the same side in every round, after every restart, and
    with all of their rows.
    """
    unique, place = np.unique(data.customer, return_inverse=True)
    limit = int(share * 2**64)
    is_held = np.array([_hash(str(one)) < limit for one in unique.tolist()], dtype=np.bool_)[place]
    return data.take(~is_held), data.take(is_held)


def _hash(customer: str) -> int:
    return int.from_bytes(blake2b(customer.encode(), digest_size=8, person=b"held out").digest(), "big")


@dataclass(frozen=True)
class TrainingRows:
    """A site that gives a run its training rows only, so that the held-out rows stay unseen until the evaluation."""

    site: Site
    share: float = SHARE

    @property
    def name(self) -> str:
        """Name of the site."""
        return self.site.name

    def read(self, schema: TableSchema) -> SiteTable:
        """Reads the rows that train."""
        return split_by_customer(self.site.read(schema), self.share)[0]

    def debit(self, run: str, round_number: int, rho: float) -> None:
        """Debits the site's ledger."""
        self.site.debit(run, round_number, rho)
