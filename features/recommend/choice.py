"""Chooses the items of a list by their scores, with places for items that are new to the customer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.recommend.history import Floats, Ints


def choose(score: Floats, is_new: NDArray[np.bool_], count: int, new_slots: int) -> Ints:
    """Return the places of the `count` candidates with the highest score, the highest first.

    At least `new_slots` of them are new to the customer, if there are as many; those that only have a place for this
    come last. On a tie, the first candidate wins.
    """
    order = np.argsort(-score, kind="stable")
    new = order[is_new[order]][: min(new_slots, count)]
    first = order[:count]
    missing = len(new) - int(is_new[first].sum())
    if missing <= 0:
        return np.asarray(first)
    given_up = first[~is_new[first]][count - len(new) :]
    return np.concatenate([first[~np.isin(first, given_up)], new[~np.isin(new, first)]])
