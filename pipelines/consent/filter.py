"""Nobody in a gold table, and nobody's rows in the making of it, who does not permit the purpose that it is built for.

The purpose stands in the table's contract (`builtFor`). A column that serves other purposes than that (a sensitive one
names its own) keeps a value only for those who permit one of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from privacy.consent.errors import ConsentError
from privacy.consent.frame import Permissions
from privacy.consent.policy import Policy
from privacy.consent.recent_denial import PERMISSION
from privacy.contract.document import Document

if TYPE_CHECKING:
    from pipelines.derived_table.table import BuildContext

CUSTOMER = "customer_id"


def narrower_columns(contract: Document) -> dict[tuple[str, ...], list[str]]:
    """Return the columns that do not serve the purpose that the table is built for, by the purposes that they serve.

    >>> from privacy.contract.column import Column
    >>> columns = (Column("sex", "", "", "", "", purposes=("analytics",)),
    ...            Column("diet", "", "", "", "", purposes=("research",)))
    >>> narrower_columns(Document("gold.x", "x", "gold", "1", columns, built_for="analytics"))
    {('research',): ['diet']}
    """
    found: dict[tuple[str, ...], list[str]] = {}
    for column in contract.columns:
        if contract.built_for is not None and contract.built_for not in column.purposes:
            found.setdefault(column.purposes, []).append(column.name)
    return found


def waits_for_permission(contract: Document, policy: Policy) -> bool:
    """Return whether it depends on silver/permission what stands in the table."""
    return bool(_deciding(contract, policy))


def consent_state(contract: Document, lakehouse: SparkLakehouse, context: BuildContext) -> dict[str, str]:
    """Return a digest of who permits each purpose that the table rests on: another, and the table is out of date."""
    purposes = _deciding(contract, context.agreed.policy)
    if not purposes:
        return {}
    digests = _digests(lakehouse, context)
    held = {purpose: digests.get(purpose, "nobody spoke") for purpose in sorted(purposes)}
    return {"policy": context.agreed.policy.digest, **held}


def keep_permitted_inputs(
    tables: Mapping[str, DataFrame], contract: Document, lakehouse: SparkLakehouse, context: BuildContext
) -> Mapping[str, DataFrame]:
    """Return a gold table's inputs without the rows of customers who do not permit what it is built for."""
    purpose = contract.built_for
    if purpose is None or not context.agreed.policy.can_refuse(purpose):
        return tables
    permissions, at = _permissions(lakehouse, context), context.agreed.moment
    return {
        name: permissions.permitted(frame, purpose, at) if CUSTOMER in frame.columns else frame
        for name, frame in tables.items()
    }


def keep_permitted(frame: DataFrame, contract: Document, lakehouse: SparkLakehouse, context: BuildContext) -> DataFrame:
    """Return a gold table's rows without those who do not permit what it is built for, narrower columns without theirs.

    Raises:
        ConsentError: who permits it is not known, or the table does not say what it is built for.
    """
    if contract.layer != "gold" or contract.subject_key is None:
        return frame
    purposes = _deciding(contract, context.agreed.policy)
    if not purposes:
        return frame
    permissions, at, purpose = _permissions(lakehouse, context), context.agreed.moment, str(contract.built_for)
    kept = permissions.permitted(frame, purpose, at, contract.subject_key)
    for others, columns in narrower_columns(contract).items():
        kept = _blanked(kept, columns, others, permissions, context, contract.subject_key)
    return kept


def _blanked(
    frame: DataFrame, columns: list[str], purposes: tuple[str, ...], permissions: Permissions, context: BuildContext,
    subject_key: str,
) -> DataFrame:  # fmt: skip
    """The columns null for customers who permit none of the purposes."""
    flags = [f"_may_{number}" for number in range(len(purposes))]
    for flag, purpose in zip(flags, purposes, strict=True):
        frame = permissions.flagged(frame, purpose, context.agreed.moment, flag, subject_key)
    may = reduce(Column.__or__, (F.col(flag) for flag in flags))
    values: dict[str, Column] = {name: F.when(may, F.col(name)) for name in columns}
    return frame.withColumns(values).drop(*flags)


def _deciding(contract: Document, policy: Policy) -> frozenset[str]:
    """The purposes on which it depends what stands in the table; none where nobody can refuse."""
    if contract.layer != "gold" or contract.subject_key is None:
        return frozenset()
    if contract.built_for is None:
        raise ConsentError(f"{contract.table} is about persons and its contract says no purpose; name one in builtFor.")
    named = {contract.built_for, *(purpose for purposes in narrower_columns(contract) for purpose in purposes)}
    return frozenset(purpose for purpose in named if policy.can_refuse(purpose))


def _digests(lakehouse: SparkLakehouse, context: BuildContext) -> Mapping[str, str]:
    """A digest of the verdicts on each purpose at the view's moment: one query for all tables of a run."""
    permissions, view = _permissions(lakehouse, context), context.agreed
    table = f"{lakehouse.path(PERMISSION)}@{lakehouse.version(PERMISSION)}"
    if table not in view.digests:
        now = permissions.at(view.moment)
        each = F.xxhash64(CUSTOMER, "verdict").cast("decimal(20,0)")
        rows = now.groupBy("purpose").agg(F.count(F.lit(1)), F.sum(each)).collect()
        view.digests[table] = {row[0]: f"{row[1]}.{row[2]}" for row in rows}
    return view.digests[table]


def _permissions(lakehouse: SparkLakehouse, context: BuildContext) -> Permissions:
    if not lakehouse.exists(PERMISSION):
        raise ConsentError(f"There is no table {PERMISSION}, so nobody is known to permit anything: run `bojagi run`.")
    return Permissions(lakehouse.read(PERMISSION), context.agreed.policy)
