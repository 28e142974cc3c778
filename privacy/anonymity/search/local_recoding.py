"""Local recoding: equal records may be published differently, so that each class costs as little as possible.

Keep the tuples that satisfy the models by themselves (they cost nothing and can lend records), grow classes around
the rest cheapest first, place what is left, then refine by relocation, re-splits and annealing. Large tables are
first cut into blocks (`partition`), each searched alone. Cost of a class: its records times the loss of its label.
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
"""Nearest tuples that moves draw partners from; more dilute them, fewer miss good ones."""
FEWEST_NEAR, MOST_NEAR = 64, 128
"""Neighbours known of each tuple: four times k within these bounds."""
CREDIT = 0.4
"""Share of a record's floor that growth forgives; best of 0 … 1 on Adult, flat around it."""
STARTS = 4
"""First partners that growth tries for each seed."""
SHUFFLE = 20080529
"""Seed of the order in which classes grow under models about shares, where any fixed order favours one region."""
ROUNDS, DEAR_ROUNDS, SHARE_ROUNDS = (32, 2.5), (12, 2.5), (4, 2.0)
"""Rounds of refinement at effort 1 and the power of it that they grow with; where sensitive values must be checked;
and where their shares must be."""
USUAL_EFFORT, USUAL_TUPLES = 6, 15_000
"""Effort where none is asked for, and the distinct combinations up to which it is taken: half a minute or so."""
MOST_EFFORT = 16
"""Most effort where none is asked for: of 801 households t-closeness lost .087 at effort 6, within a second, .066 at 12
and .064 at 25, in six."""
WHOLE = 5
"""Multiple of `block_tuples` up to which blocks are searched as a whole table is."""
NEAR_PARTS = 16
"""Parts of the tuples whose neighbours threads look for at a time."""

Found = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
"""Unit, class and count of each slot."""


def recode_locally(table: FrequencyTable, spec: Spec, threads: int | None = None) -> Allocation:
    """Classes that satisfy the models, at the least loss found. Deterministic in the table and `spec.seed`: `threads`
    (as many as there are cores by default) change nothing but the time.

    Raises:
        InfeasibleError: the whole table as one class would not satisfy a model.
    """
    broken = violated(table, spec)
    if broken:
        raise InfeasibleError(
            f"the whole table of {table.people} people as one class would break {', '.join(broken)}; weaken the "
            "model or bring more people"
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
    """The effort that the specification names. Else the larger the table, the less, so that the search takes about as
    long as that of `USUAL_TUPLES` combinations with `USUAL_EFFORT`; at least 1. Under models about shares, whose rounds
    are few, smaller tables get more than that: up to `MOST_EFFORT`.
    """
    if spec.effort is not None:
        return spec.effort
    is_about_shares = not all(isinstance(model, KAnonymity | DistinctL) for model in spec.models)
    (_, power), most = (SHARE_ROUNDS, MOST_EFFORT) if is_about_shares else (ROUNDS, USUAL_EFFORT)
    tuples = len(table.unit_start) - 1
    allowed = USUAL_EFFORT * (USUAL_TUPLES / tuples) ** (1 / (power if tuples < USUAL_TUPLES else ROUNDS[1]))
    return max(1, min(most, int(allowed)))


def _search(table: FrequencyTable, block: NDArray[np.int64], spec: Spec, threads: int) -> Found:
    """Unit, class and count of each slot of the classes found for a table in one block."""
    problem, classes = _first(table, block, spec, threads, FEWEST_NEAR, STARTS)
    slots = refine_in_regions(problem, slots_of(classes), _schedule(table, problem, classes, spec), spec.seed, threads)
    slots = relocate_all(problem, slots)
    return block[slots.unit], slots.group, slots.count


def _search_block(table: FrequencyTable, block: NDArray[np.int64], spec: Spec, threads: int) -> Found:
    """The same for one of many blocks, which is refined at once.

    Where only people are counted, less is looked at from `WHOLE` on, so that the time grows little with the table:
    records lie closer there, and what rounds would gain, cuts between near tuples gain for less (see `partition`).
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
    """The problem of a block and the classes before refinement."""
    problem, count = make_problem(table, block, spec, threads, fewest)
    classes = _new(problem, count)
    keep_satisfied(problem, classes)
    _grow(problem, classes, starts)
    relocate(problem, classes)
    return problem, classes


def _schedule(table: FrequencyTable, problem: Problem, classes: Classes, spec: Spec, share: float = 1.0) -> Schedule:
    least, power = (DEAR_ROUNDS if is_monotone(problem) else SHARE_ROUNDS) if table.sensitive else ROUNDS
    return new_schedule(classes, max(1, round(share * int(least * effort_for(table, spec) ** power))))


def _grow(problem: Problem, classes: Classes, starts: int = STARTS) -> None:
    """Give every record without a class one: satisfied tuples first, then by growth."""
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
    """Arrays of the search over the units of one block, which are in the table's order."""
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
    """Models as arrays; k-anonymity (k = 1 when not asked for) comes first."""
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
