"""Random numbers from an explicit state, equal on every machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.kernel.compilation import kernel


def new_random_state(seed: int) -> NDArray[np.uint64]:
    """Returns a state for `next_random`. Any seed is allowed."""
    return np.array([(seed * 2 + 88172645463325252) % 2**64], np.uint64)


@kernel
def next_random(state: NDArray[np.uint64]) -> float:
    """Returns a number in [0, 1) by xorshift64* and advances the state."""
    x = state[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    state[0] = x
    return float((x * np.uint64(2685821657736338717)) >> np.uint64(11)) / 9007199254740992.0
