"""Local recoding: rows with equal values may get different labels, so that the total loss is small.

The steps: keep the tuples that satisfy the models by themselves; grow classes around the others, cheapest first; place
what is left; refine by moves, splits and rebuilds with annealing. Large tables are first divided into blocks (`block`),
which are searched separately. The cost of a class is its number of records times the loss of its label.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.errors import InfeasibleError
from privacy.anonymity.kernel.class_growth import build, keep_satisfied
from privacy.anonymity.kernel.class_state import Classes, new_classes
from privacy.anonymity.kernel.label_growth import is_monotone
from privacy.anonymity.kernel.model_shortfall import K_ANONYMITY
from privacy.anonymity.kernel.neighbour import nearest_tuples
from privacy.anonymity.kernel.problem import SET, Problem
from privacy.anonymity.kernel.proportional_growth import grow_in_proportion, new_proportion_scratch
from privacy.anonymity.kernel.random_number import new_random_state
from privacy.anonymity.kernel.refinement import Schedule, new_schedule, refine, relocate
from privacy.anonymity.kernel.resplit import new_scratch
from privacy.anonymity.search.allocation import Allocation, make_labels
from privacy.anonymity.search.block import partition, violated
from privacy.anonymity.search.region import refine_in_regions, relocate_all, run_all, slots_of, usable_cores
from privacy.anonymity.spec.model import DistinctL, KAnonymity
from privacy.anonymity.spec.specification import Spec
from privacy.anonymity.table.frequency_table import FrequencyTable, column_order

CLOSE = 24
"""Nearest tuples that moves draw partners from. More include worse partners, fewer miss good ones."""
FEWEST_NEAR, MOST_NEAR = 64, 128
"""Bounds of the number of known neighbours of each tuple, which is four times k."""
CREDIT = 0.4
"""Share of a record's floor that growth subtracts from the price. Best of 0 to 1 on Adult, with little difference
nearby."""
STARTS = 4
"""First partners that growth tries for each seed."""
SHUFFLE = 20080529
"""Seed of the order in which classes grow under models about shares, where any fixed order favours one part of the
table."""
ROUNDS, DISTINCT_ROUNDS, SHARE_ROUNDS = (32, 2.5), (12, 2.5), (4, 2.0)
"""(Rounds of refinement at effort 1, power of the effort by which they grow): for k-anonymity alone, for distinct
l-diversity, and for models about shares."""
USUAL_EFFORT, USUAL_TUPLES = 6, 15_000
"""Default effort, and the number of distinct combinations up to which it applies: about half a minute."""
MOST_EFFORT = 16
"""Highest default effort. With t-closeness, 801 households lost .087 at effort 6 (within a second), .066 at 12 and .064
at 25 (six seconds)."""
WHOLE = 5
"""Multiple of `block_tuples` up to which blocks get all rounds."""
NEAR_PARTS = 16
"""Number of ranges of tuples whose neighbours threads find at a time."""

Found = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
"""Unit, class and count of each slot."""


def recode_locally(table: FrequencyTable, spec: Spec, threads: int | None = None) -> Allocation:
    """Returns classes that satisfy the models at the least loss found.

    The result depends on the table and `spec.seed` alone. `threads` (None: as many as cores) changes only the time.

    Raises:
        InfeasibleError: the whole table as one class would break a model.
    """
    broken = violated(table, spec)
    if broken:
        raise InfeasibleError(
            f"the whole table of {table.people} people as one class would break {', '.join(broken)}; weaken the "
            "model or add people"
        )
    cores = threads or usable_cores()
    blocks = partition(table, spec, cores)
    inner = cores if len(blocks) == 1 else 1
    search = _search if len(blocks) == 1 else _search_block
    parts = run_all(lambda block: search(table, block, spec, inner), blocks, cores // inner)
    start = 0
    unit, group, count = [], [], []
    for part_unit, part_group, part_count in parts:
        unit.append(part_unit)
        group.append(part_group + start)
        count.append(part_count)
        start += int(part_group.max()) + 1
    units, groups, counts = np.concatenate(unit), np.concatenate(group), np.concatenate(count)
    order = np.lexsort((groups, units))
    units, groups, counts = units[order], groups[order], counts[order]
    return Allocation(units, groups, counts, make_labels(table, units, groups))


def effort_for(table: FrequencyTable, spec: Spec) -> int:
    """Returns `spec.effort`, or the largest effort whose run time is about that of `USUAL_TUPLES` combinations.

    When `spec.effort` is None, the result is at least 1 and at most `USUAL_EFFORT`. For models about shares, which
    have few rounds, it is up to `MOST_EFFORT` in small tables.
    """
    if spec.effort is not None:
        return spec.effort
    is_about_shares = not all(isinstance(model, KAnonymity | DistinctL) for model in spec.models)
    (_, power), most = (SHARE_ROUNDS, MOST_EFFORT) if is_about_shares else (ROUNDS, USUAL_EFFORT)
    tuples = len(table.unit_start) - 1
    allowed = USUAL_EFFORT * (USUAL_TUPLES / tuples) ** (1 / (power if tuples < USUAL_TUPLES else ROUNDS[1]))
    return max(1, min(most, int(allowed)))


def _search(table: FrequencyTable, block: NDArray[np.int64], spec: Spec, threads: int) -> Found:
    """Returns the classes found for a table in one block, as slots: unit, class and number of records."""
    problem, classes = _first(table, block, spec, threads, FEWEST_NEAR, STARTS)
    slots = refine_in_regions(problem, slots_of(classes), _schedule(table, problem, classes, spec), spec.seed, threads)
    slots = relocate_all(problem, slots)
    return block[slots.unit], slots.group, slots.count


def _search_block(table: FrequencyTable, block: NDArray[np.int64], spec: Spec, threads: int) -> Found:
    """Returns the classes found for one of many blocks, as `_search` does, but refined as a whole.

    Where k-anonymity is the only model, tables of more than `WHOLE` times `block_tuples` get fewer rounds. So the time
    grows little with the table. Records are closer to each other there, and good cuts between blocks gain more for less
    time (see `block.partition`).
    """
    share = 1.0 if table.sensitive else min(1.0, WHOLE * spec.block_tuples / (len(table.unit_start) - 1))
    fewest, starts = int(share * FEWEST_NEAR), max(1, round(share * STARTS))
    problem, classes = _first(table, block, spec, threads, fewest, starts)
    schedule = _schedule(table, problem, classes, spec, share)
    refine(problem, classes, new_scratch(problem), schedule, range(schedule.rounds), new_random_state(spec.seed))
    relocate(problem, classes)
    slots = slots_of(classes)
    return block[slots.unit], slots.group, slots.count


def _first(
    table: FrequencyTable, block: NDArray[np.int64], spec: Spec, threads: int, fewest: int, starts: int
) -> tuple[Problem, Classes]:
    """Returns the kernel's problem of one block, and its first classes, before refinement."""
    problem, count = make_problem(table, block, spec, threads, fewest)
    classes = _new(problem, count)
    keep_satisfied(problem, classes)
    _grow(problem, classes, starts)
    relocate(problem, classes)
    return problem, classes


def _schedule(table: FrequencyTable, problem: Problem, classes: Classes, spec: Spec, share: float = 1.0) -> Schedule:
    least, power = (DISTINCT_ROUNDS if is_monotone(problem) else SHARE_ROUNDS) if table.sensitive else ROUNDS
    return new_schedule(classes, max(1, round(share * int(least * effort_for(table, spec) ** power))))


def _grow(problem: Problem, classes: Classes, starts: int = STARTS) -> None:
    """Assigns every unassigned record to a class, by growing classes around seeds."""
    left = np.flatnonzero(classes.left > 0)
    floors = problem.floor[problem.tuple_of[left]]
    seeds = left[np.lexsort((left, -floors))]
    has_people_left = bool((problem.people[left] > 0).any())
    if has_people_left and not is_monotone(problem):
        bins, bucket = np.unique(problem.category, axis=0, return_inverse=True)
        is_member = problem.people > 0
        member = np.flatnonzero(is_member)[np.argsort(bucket.ravel()[is_member], kind="stable")]
        start = np.concatenate([[0], np.cumsum(np.bincount(bucket.ravel()[is_member], minlength=len(bins)))])
        seeds = np.random.default_rng(SHUFFLE).permutation(seeds)
        room = new_proportion_scratch(problem, len(bins))
        grow_in_proportion(problem, classes, room, seeds, bucket.ravel(), bins, start, member)
    build(problem, classes, seeds, CREDIT, starts)


def _new(p: Problem, count: NDArray[np.int64]) -> Classes:
    return new_classes(p, count, 4 * len(count) + 4096, len(count) + 4096)


def make_problem(
    table: FrequencyTable, block: NDArray[np.int64], spec: Spec, threads: int = 1, fewest: int = FEWEST_NEAR
) -> tuple[Problem, NDArray[np.int64]]:
    """Returns the problem of one block's units, in the table's order, and the records of each unit."""
    codes = np.ascontiguousarray(table.codes[block])
    count = table.count[block]
    differs = (codes[1:] != codes[:-1]).any(1)
    start = np.concatenate([[0], np.flatnonzero(differs) + 1, [len(codes)]]).astype(np.int64)
    tuple_of = np.repeat(np.arange(len(start) - 1), np.diff(start)).astype(np.int32)
    home = np.where(table.is_home[block], count, 0)
    people = np.add.reduceat(home, start[:-1])
    sizes, loss_start, loss_table = table.pair_losses
    kinds = np.array([domain.kind for domain in table.domains], np.int8)
    by_count = not table.sensitive
    k = spec.k if by_count else max(spec.k, 2)
    width = min(max(fewest, min(4 * k, MOST_NEAR)), len(start) - 1)
    order = np.array(column_order(table.domains), np.int64)
    wanted = people < spec.k if by_count else np.ones(len(people), np.bool_)
    tuples = np.ascontiguousarray(codes[start[:-1]])

    given = tuples, people, order, sizes, loss_start, loss_table, wanted, width, k
    edges = np.linspace(0, len(tuples), NEAR_PARTS + 1).astype(np.int64).tolist()
    near = run_all(lambda edge: nearest_tuples(*given, *edge), pairwise(edges), threads)
    neighbour, floor = (np.concatenate(part) for part in zip(*near, strict=True))
    kind, number, bins, ground = _models(table, spec)
    first_bins = np.array([sensitive.first_bin for sensitive in table.sensitive], np.int32)
    problem = Problem(
        codes=codes,
        tuple_of=tuple_of,
        unit_start=start,
        people=table.is_home[block].astype(np.int64),
        category=np.ascontiguousarray(table.category[block] + first_bins),
        kind=kinds,
        size=sizes,
        table_start=loss_start,
        table=loss_table,
        set_step=table.weights / np.maximum(sizes - 1, 1),
        words=int(sizes[kinds == SET].max(initial=1) - 1) // 64 + 1,
        neighbour=neighbour,
        close=max(CLOSE, 4 * k),
        floor=floor,
        model_kind=kind,
        model_number=number,
        model_bins=bins,
        prior=np.concatenate([s.prior for s in table.sensitive]) if table.sensitive else np.zeros(0),
        ground=ground,
    )
    return problem, count


def _models(
    table: FrequencyTable, spec: Spec
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int32]]:
    """Returns the models as arrays. k-anonymity comes first, with k = 1 when the specification lacks it."""
    place = {sensitive.column: sensitive for sensitive in table.sensitive}
    total = sum(len(sensitive.values) for sensitive in table.sensitive)
    levels = max((len(sensitive.ground) for sensitive in table.sensitive), default=1)
    kind, number, bins = [K_ANONYMITY], [[float(spec.k), 0.0]], [[0, 0]]
    ground = np.zeros((1, levels, max(total, 1)), np.int32)
    for model in spec.models:
        code, first, second = model.kernel()
        if code == K_ANONYMITY or model.column is None:
            continue
        sensitive = place[model.column]
        low, high = sensitive.first_bin, sensitive.first_bin + len(sensitive.values)
        layer = np.zeros((levels, max(total, 1)), np.int32)
        layer[: len(sensitive.ground), low:high] = sensitive.ground
        kind.append(code)
        number.append([first, second])
        bins.append([low, high])
        ground = np.concatenate([ground, layer[None]])
    return np.array(kind, np.int64), np.array(number), np.array(bins, np.int64), ground
