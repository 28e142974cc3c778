"""The same release on Spark or Sail: one pass counts, the search runs on the counts, a join brings labels back.

Only the distinct combinations of quasi-identifiers and modelled sensitive values reach this process. The result does
not depend on partitioning or engine: units are sorted here, and where equal records part ways they are dealt out in
the order of a hash of their other released columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from privacy.anonymity.allocation import SUPPRESSED, Allocation
from privacy.anonymity.anonymize import SEPARATOR, loss_of, rank_columns, search
from privacy.anonymity.errors import SpecError, VerificationError
from privacy.anonymity.hierarchy import MISSING
from privacy.anonymity.model import AnyModel, KAnonymity
from privacy.anonymity.screen import SAMPLE, screen
from privacy.anonymity.spec import Spec
from privacy.anonymity.table import FrequencyTable, modelled_columns, tabulate
from privacy.anonymity.verify import Verdict, verify

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

HOME, ROWS, UNIT, RANK, GROUP = "__home", "__rows", "__unit", "__rank", "__group"
KEY, LABEL = "__key_", "__label_"


@dataclass(frozen=True)
class EngineRelease:
    """A verified release as a lazy DataFrame. `frame` reads its input again whenever it is acted on."""

    frame: DataFrame
    verdict: Verdict
    loss: float
    suppressed: int
    classes: int
    units: int


def anonymize_on_engine(frame: DataFrame, spec: Spec) -> EngineRelease:
    """Anonymise a Spark Connect DataFrame; see `anonymize.anonymize` for guarantee and errors.

    Quasi-identifiers are compared as the engine casts them to text. The verifier's counts come from a second pass
    over the published frame by the engine.
    """
    absent = [name for name in spec.columns if name not in frame.columns]
    if absent:
        raise SpecError(f"the table lacks columns {absent} that the specification names; it has {frame.columns}")
    screen(frame.limit(SAMPLE).toPandas(), spec)
    keyed = _with_keys(frame, spec)
    table, units = count_units(keyed, spec)
    allocation = search(table, spec)
    published = publish_on_engine(keyed, units, allocation, spec)
    verdict = _verify(published, keyed, spec)
    if not verdict.is_passed:
        raise VerificationError(
            f"nothing was released: the verifier found {len(verdict.violations)} violations and "
            f"{len(verdict.faults)} faults ({'; '.join(verdict.faults[:3])})"
        )
    return EngineRelease(
        published.drop(GROUP, *([spec.person] if spec.person else [])),
        verdict,
        loss_of(table, allocation),
        allocation.suppressed,
        verdict.classes,
        len(table.count),
    )


def _text(name: str) -> Column:
    from pyspark.sql import functions as f

    return f.coalesce(f.col(f"`{name}`").cast("string"), f.lit(MISSING))


def _with_keys(frame: DataFrame, spec: Spec) -> DataFrame:
    """Released columns, plus quasi-identifiers and modelled columns as text keys, plus whether the row is home."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    keep = [name for name, c in spec.columns.items() if c.role in ("sensitive", "insensitive")]
    if spec.person and spec.person not in keep:
        keep.append(spec.person)
    names = [*spec.quasi, *modelled_columns(spec)]
    keyed = frame.select(
        *[f.col(f"`{name}`") for name in keep], *[_text(name).alias(f"{KEY}{i}") for i, name in enumerate(names)]
    )
    if spec.person is None:
        return keyed.withColumn(HOME, f.lit(True))
    order = [f.col(f"{KEY}{i}") for i in range(len(names))]
    first = f.row_number().over(Window.partitionBy(_text(spec.person)).orderBy(*order))
    return keyed.withColumn(HOME, first == 1)


def count_units(keyed: DataFrame, spec: Spec) -> tuple[FrequencyTable, pd.DataFrame]:
    """The frequency table, and the distinct keys with the unit of each."""
    from pyspark.sql import functions as f

    names = [*spec.quasi, *modelled_columns(spec)]
    keys = [f"{KEY}{i}" for i in range(len(names))]
    counted = keyed.groupBy(*keys, HOME).agg(f.count(f.lit(1)).alias(ROWS)).toPandas()
    if counted.empty:
        raise SpecError("the table has no rows; there is nothing to release")
    named = counted[keys].set_axis(names, axis=1)
    tabulated = tabulate(named, spec, counted[ROWS].to_numpy(np.int64), counted[HOME].to_numpy(np.bool_))
    counted[UNIT] = tabulated.unit_of_row
    return tabulated.table, counted.drop(columns=ROWS)


def publish_on_engine(keyed: DataFrame, units: pd.DataFrame, allocation: Allocation, spec: Spec) -> DataFrame:
    """Join the labels back: units with one class by key, split units by key and rank among their records."""
    from pyspark.sql import Window
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
        parts.append(keyed.join(f.broadcast(_upload(session, whole)), keys, "inner"))
    if is_split.any():
        ranges = mapping.loc[is_split, [*wanted, "__first", "__last"]]
        split_keys = f.broadcast(_upload(session, ranges[keys].drop_duplicates()))
        ranking = rank_columns(spec)
        fractions = {field.name for field in keyed.schema if field.dataType.typeName() in ("double", "float")}
        digest = f.md5(f.concat_ws(SEPARATOR, *[_text(name) for name in ranking if name not in fractions]))
        order = [digest, *[f.col(f"`{name}`").asc_nulls_first() for name in ranking]]
        ranked = keyed.join(split_keys, keys, "inner").withColumn(
            RANK, f.row_number().over(Window.partitionBy(*keys).orderBy(*order)) - 1
        )
        joined = ranked.join(f.broadcast(_upload(session, ranges)), keys, "inner")
        inside = (f.col(RANK) >= f.col("__first")) & (f.col(RANK) < f.col("__last"))
        parts.append(joined.where(inside).drop(RANK, "__first", "__last"))
    out = parts[0] if len(parts) == 1 else parts[0].unionByName(parts[1])
    released = [name for name, c in spec.columns.items() if c.role != "identifying" and name != spec.person]
    columns = [
        f.col(f"{LABEL}{spec.quasi.index(name)}").alias(name) if name in spec.quasi else f.col(f"`{name}`")
        for name in released
    ]
    return out.select(*columns, GROUP, *([f.col(f"`{spec.person}`")] if spec.person else []))


def _upload(session: object, frame: pd.DataFrame) -> DataFrame:
    import pyarrow as pa

    return session.createDataFrame(pa.Table.from_pandas(frame, preserve_index=False))  # type: ignore[attr-defined,no-any-return]


def _verify(published: DataFrame, keyed: DataFrame, spec: Spec) -> Verdict:
    """Let the verifier judge counts that the engine makes of the published frame."""
    from pyspark.sql import functions as f

    quasi, modelled = list(spec.quasi), modelled_columns(spec)
    texts = [_text(name).alias(name) for name in modelled]
    held = published.select(*[f.col(f"`{name}`") for name in quasi], *texts, *_person(spec))
    base = keyed.groupBy(*[f"{KEY}{len(quasi) + i}" for i in range(len(modelled))]).agg(f.count(f.lit(1)).alias(ROWS))
    original = base.toPandas()
    original = original.rename(columns={f"{KEY}{len(quasi) + i}": name for i, name in enumerate(modelled)})
    bare = spec.model_copy(update={"columns": {n: c for n, c in spec.columns.items() if n in (*quasi, *modelled)}})
    if spec.person is None:
        counted = held.groupBy(*[f"`{n}`" for n in (*quasi, *modelled)]).agg(f.count(f.lit(1)).alias(ROWS)).toPandas()
        return verify(
            counted[[*quasi, *modelled]], original, bare, weight=counted[ROWS], original_weight=original[ROWS]
        )
    return _verify_people(held, original, bare)


def _person(spec: Spec) -> list[Column]:
    return [_text(spec.person).alias("__person")] if spec.person else []


def _verify_people(held: DataFrame, original: pd.DataFrame, spec: Spec) -> Verdict:
    """Two counts: people per class for class size, (person, value) pairs per class for each sensitive column."""
    from pyspark.sql import functions as f

    verdicts = []
    free = spec.model_copy(update={"person": None, "suppression_limit": 1.0})
    size = [model for model in spec.models if isinstance(model, KAnonymity)]
    plans: list[tuple[list[str], list[AnyModel]]] = [([], [*size])]
    plans += [([name], [model for model in spec.models if model.column == name]) for name in modelled_columns(spec)]
    for extra, models in plans:
        if not models:
            continue
        columns = [*spec.quasi, *extra]
        people = f.countDistinct("__person").alias(ROWS)
        counted = held.groupBy(*[f"`{name}`" for name in columns]).agg(people).toPandas()
        part = {n: c for n, c in spec.columns.items() if n in columns}
        narrow = free.model_copy(update={"models": tuple(models), "columns": part})
        verdicts.append(
            verify(counted[columns], original, narrow, weight=counted[ROWS], original_weight=original[ROWS])
        )
    measured = {name: value for verdict in verdicts for name, value in verdict.measured.items()}
    return Verdict(
        tuple(v for verdict in verdicts for v in verdict.violations),
        tuple(fault for verdict in verdicts for fault in verdict.faults),
        verdicts[0].classes,
        int(original[ROWS].sum()),
        held.select("__person").distinct().count(),
        measured,
    )
