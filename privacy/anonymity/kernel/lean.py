"""The decorator of compiled functions that allocate nothing."""

from __future__ import annotations

from numba import njit

lean = njit(cache=True, _nrt=False)
"""`njit` without reference counting. Counting costs ten times as much as the work here: every array that is read out of
a state (a NamedTuple) is counted up and down. A function under it that allocates does not compile, so nothing can leak;
what it needs to write on, its caller brings.
"""
