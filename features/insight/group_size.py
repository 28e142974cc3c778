"""The smallest group of customers about which insight is reported."""

K = 10
"""Fewest customers in a segment, an audience or any other group whose size or traits are published.

It is the common "rule of ten" of statistical disclosure control, stricter than the three to five of most tables.
"""


def told_size(count: int) -> int:
    """Return a number of customers as it may be told: rounded down to a multiple of K.

    >>> told_size(57), told_size(9)
    (50, 0)
    """
    return count - count % K
