"""Anonymises a table on Spark or Sail: the engine counts rows, this process searches, a join adds the labels.

Only the distinct combinations of quasi-identifiers and modelled sensitive values reach this process, at most
`spec.memory_units` at once (see `parts`). The result does not depend on partitioning or engine. Units are sorted here,
and equal records are distributed in the order of a hash of their other columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from privacy.anonymity.anonymize import loss_of, search
from privacy.anonymity.engine.identifier_scan import scan_identifiers
from privacy.anonymity.engine.parts import release_in_parts
from privacy.anonymity.engine.row import HOME, KEY, RANK, ROWS, rank_rows, upload, with_keys
from privacy.anonymity.engine.verification import verify_on_engine
from privacy.anonymity.errors import SpecError, VerificationError
from privacy.anonymity.search.allocation import SUPPRESSED, Allocation
from privacy.anonymity.spec.identifier_screen import SAMPLE, screen
from privacy.anonymity.spec.specification import Spec
from privacy.anonymity.table.frequency_table import FrequencyTable, modelled_columns, require_columns, tabulate
from privacy.anonymity.verify.verification import Verdict

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

UNIT, GROUP, LABEL = "__unit", "__group", "__label_"


@dataclass(frozen=True)
class EngineRelease:
    """A verified release as a lazy DataFrame.

    Each action on `frame` reads the input again, or the scratch folder when the table was searched in parts.
    """

    frame: DataFrame
    verdict: Verdict
    loss: float
    suppressed: int
    classes: int
    units: int


def anonymize_on_engine(frame: DataFrame, spec: Spec, scratch: str | None = None) -> EngineRelease:
    """Anonymises a Spark Connect DataFrame; guarantee and errors are those of `anonymize.anonymize`.

    Quasi-identifiers are compared as the engine casts them to text. The engine counts the published frame in a second
    pass for the verifier. `scratch` is an empty folder that the engine can write. A table with more than
    `spec.memory_units` units needs it; when it is given, any table goes through it. It holds personal data, and the
    release is read from it.
    """
    require_columns(frame.columns, spec)
    screen(frame.limit(SAMPLE).toPandas(), spec)
    scan_identifiers(frame, spec)
    keyed = with_keys(frame, spec)
    counted = None if scratch else count_units(keyed, spec)
    if counted is None:
        if scratch is None:
            raise SpecError(
                f"the table has more than {spec.memory_units} units: name a `scratch` folder that the engine can "
                "write, or raise `memory_units` if this process has room for them"
            )
        made = release_in_parts(keyed, spec, scratch)
        published, loss, suppressed, number = made.published, made.loss, made.suppressed, made.units
    else:
        table, units = counted
        allocation = search(table, spec)
        published = publish_on_engine(keyed, units, allocation, spec)
        loss, suppressed, number = loss_of(table, allocation), allocation.suppressed, len(table.count)
    verdict = verify_on_engine(published, keyed, spec, scratch)
    if not verdict.is_passed:
        raise VerificationError(
            f"nothing was released: the verifier found {len(verdict.violations)} violations and "
            f"{len(verdict.faults)} faults ({'; '.join(verdict.faults[:3])})"
        )
    released = published.drop(GROUP, *([spec.person] if spec.person else []))
    return EngineRelease(released, verdict, loss, suppressed, verdict.classes, number)


def count_units(keyed: DataFrame, spec: Spec) -> tuple[FrequencyTable, pd.DataFrame] | None:
    """Returns the frequency table, and the distinct keys with their units; None when they exceed `memory_units`."""
    from pyspark.sql import functions as f

    names = [*spec.quasi, *modelled_columns(spec)]
    keys = [f"{KEY}{i}" for i in range(len(names))]
    counted = keyed.groupBy(*keys, HOME).agg(f.count(f.lit(1)).alias(ROWS)).limit(spec.memory_units + 1).toPandas()
    if len(counted) > spec.memory_units:
        return None
    if counted.empty:
        raise SpecError("the table has no rows, so nothing can be released; add rows")
    named = counted[keys].set_axis(names, axis=1)
    tabulated = tabulate(named, spec, counted[ROWS].to_numpy(np.int64), counted[HOME].to_numpy(np.bool_))
    counted[UNIT] = tabulated.unit_of_row
    return tabulated.table, counted.drop(columns=ROWS)


def publish_on_engine(keyed: DataFrame, units: pd.DataFrame, allocation: Allocation, spec: Spec) -> DataFrame:
    """Joins the labels to the rows: by key for units in one class, by key and rank for units in several classes."""
    from pyspark.sql import functions as f

    session = keyed.sparkSession
    keys = [column for column in units.columns if column.startswith(KEY)] + [HOME]
    stop = np.cumsum(allocation.count)
    starts = pd.DataFrame({UNIT: allocation.unit, GROUP: allocation.group, "__count": allocation.count, "__stop": stop})
    starts["__first"] = starts["__stop"] - starts["__count"]
    starts["__first"] -= starts.groupby(UNIT)["__first"].transform("min")
    starts["__last"] = starts["__first"] + starts["__count"]
    mapping = starts.merge(units, on=UNIT)
    labels = np.vstack([allocation.labels, np.full((1, len(spec.quasi)), None, object)])
    for j in range(len(spec.quasi)):
        mapping[f"{LABEL}{j}"] = labels[mapping[GROUP].to_numpy(), j]
    mapping = mapping[mapping[GROUP] != SUPPRESSED]
    is_split = mapping[UNIT].map(starts[UNIT].value_counts()) > 1
    wanted = [*keys, GROUP, *[f"{LABEL}{j}" for j in range(len(spec.quasi))]]
    parts = []
    whole = mapping.loc[~is_split, wanted]
    if len(whole):
        parts.append(keyed.join(f.broadcast(upload(session, whole)), keys, "inner"))
    if is_split.any():
        ranges = mapping.loc[is_split, [*wanted, "__first", "__last"]]
        split_keys = f.broadcast(upload(session, ranges[keys].drop_duplicates()))
        ranked = rank_rows(keyed.join(split_keys, keys, "inner"), keys, spec)
        joined = ranked.join(f.broadcast(upload(session, ranges)), keys, "inner")
        inside = (f.col(RANK) >= f.col("__first")) & (f.col(RANK) < f.col("__last"))
        parts.append(joined.where(inside).drop(RANK, "__first", "__last"))
    out = parts[0] if len(parts) == 1 else parts[0].unionByName(parts[1])
    released = [name for name, c in spec.columns.items() if c.role != "identifying" and name != spec.person]
    columns = [
        f.col(f"{LABEL}{spec.quasi.index(name)}").alias(name) if name in spec.quasi else f.col(f"`{name}`")
        for name in released
    ]
    return out.select(*columns, GROUP, *([f.col(f"`{spec.person}`")] if spec.person else []))
