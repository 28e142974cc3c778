"""The terms of one secure sum: which run and round, how many values, and how many sites must stay until the end."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from federated.secure.errors import UnsafeTerms


@dataclass(frozen=True)
class RoundTerms:
    """What every site and the server agree on before the first message of a round.

    A site accepts terms only within its own policy (`federated.plan.SitePolicy`), and a threshold only if it is more
    than half of the sites. Sites that hold different terms cannot read each other's messages, so the round ends.

    `run` and `number`: name of the training run, and the round in it. `length`: number of values that each site sends.
    `threshold`: the fewest sites whose values may be summed; also the number of shares that restore a secret.
    """

    run: str
    number: int
    length: int
    threshold: int

    def __post_init__(self) -> None:
        if self.threshold < 2:
            raise UnsafeTerms(f"The threshold is {self.threshold}; a sum over fewer than 2 sites is a site's own value")
        if self.length < 1 or self.number < 0:
            raise UnsafeTerms(f"A round has values and a number from 0; got {self.length} values, number {self.number}")

    @property
    def digest(self) -> bytes:
        """Hash of all terms; part of every key of the round."""
        text = f"bojagi secure sum 1\0{self.run}\0{self.number}\0{self.length}\0{self.threshold}"
        return hashlib.sha256(text.encode()).digest()


def default_threshold(sites: int) -> int:
    """Return the smallest threshold that is more than two thirds of the sites, and at least 2.

    >>> [default_threshold(sites) for sites in (2, 3, 5, 50)]
    [2, 3, 4, 34]
    """
    return max(2, 2 * sites // 3 + 1)


def tolerated_colluders(sites: int, threshold: int, *, server_lies: bool = True) -> int:
    """Return how many sites may give all they know to the server, and it still learns only a sum of two or more others.

    A server that follows the protocol needs `threshold` shares of a secret, and a sum has `threshold` sites or more:
    colluders ≤ threshold − 2. A server that tells two groups of sites different survivors fails if the groups, which
    can share only the colluders, cannot both reach the threshold: colluders ≤ 2·threshold − sites − 1
    (Bonawitz et al. 2017, section 6.2).

    >>> tolerated_colluders(50, 34), tolerated_colluders(50, 34, server_lies=False)
    (17, 32)
    """
    honest_server = threshold - 2
    return max(0, min(honest_server, 2 * threshold - sites - 1) if server_lies else honest_server)


def require_safe(sites: int, threshold: int) -> None:
    """Check that two disjoint groups of the sites cannot both reach the threshold.

    Raises:
        UnsafeTerms: they can, so a lying server could obtain a site's own value.
    """
    if 2 * threshold <= sites:
        raise UnsafeTerms(
            f"The threshold is {threshold} of {sites} sites; expected more than half, because a server that lies about "
            f"the survivors obtains single values. {default_threshold(sites)} is the default"
        )
