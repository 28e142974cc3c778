"""Filters the inputs and the output of a gold table by consent for the purpose of the table.

The contract names the purpose (`builtFor`). A column that does not serve that purpose names other purposes. Its
value is null for customers who permit none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from privacy.consent.errors import ConsentError
from privacy.consent.frame import Permissions
from privacy.consent.policy import Policy
from privacy.consent.verdict_change import PERMISSION, note_permissions
from privacy.consent.view import ConsentView
from privacy.contract.document import Document

CUSTOMER = "customer_id"


def narrower_columns(contract: Document) -> dict[tuple[str, ...], list[str]]:
    """Return the columns that do not serve the purpose of the table, by the purposes that they do serve.

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


def deciding_purposes(contract: Document, policy: Policy) -> frozenset[str]:
    """Return the purposes whose consent decides which rows and values a table has.

    Empty for a table that is not gold, has no persons, or serves only purposes that no customer can refuse.

    Raises:
        ConsentError: a gold table about persons names no purpose.
    """
    if contract.layer != "gold" or contract.subject_key is None:
        return frozenset()
    if contract.built_for is None:
        raise ConsentError(
            f"{contract.table} has rows about persons, but its contract names no purpose; name one in builtFor."
        )
    named = {contract.built_for, *(purpose for purposes in narrower_columns(contract) for purpose in purposes)}
    return frozenset(purpose for purpose in named if policy.can_refuse(purpose))


@dataclass(frozen=True)
class ConsentFilter:
    """Filters the rows of the tables of a run by silver/permission; implements `derived_table.row_filter.RowFilter`.

    If `view` is None, a table whose rows depend on consent is not built: the filter raises `ConsentError`.
    """

    lakehouse: SparkLakehouse
    view: ConsentView | None

    def state(self, contract: Document) -> dict[str, str]:
        """Return a digest of the verdicts by purpose, for the purposes that decide on the table; empty without any."""
        purposes = deciding_purposes(contract, self._view.policy) if self._concerns(contract) else frozenset()
        if not purposes:
            return {}
        digests = self._digests()
        return {
            "policy": self._view.policy.digest,
            **{purpose: digests.get(purpose, "no verdict") for purpose in sorted(purposes)},
        }

    def keep_inputs(self, tables: Mapping[str, DataFrame], contract: Document) -> Mapping[str, DataFrame]:
        """Return the inputs without the rows of customers who do not permit the purpose of the table.

        Inputs without a column `customer_id` are unchanged. Rows with a null customer are kept only for purposes that
        do not rest on consent.
        """
        purpose = contract.built_for
        if purpose is None or not self._view.policy.can_refuse(purpose):
            return tables
        permissions, at = self._permissions(), self._view.moment
        return {
            name: permissions.permitted(frame, purpose, at) if CUSTOMER in frame.columns else frame
            for name, frame in tables.items()
        }

    def keep_rows(self, frame: DataFrame, contract: Document) -> DataFrame:
        """Return the rows of a gold table whose customer permits the purpose of the table.

        Columns for other purposes are null where the customer permits none of these purposes. Tables that do not
        depend on consent are returned unchanged.

        Raises:
            ConsentError: there is no table silver/permission, or the contract names no purpose.
        """
        if not self._concerns(contract) or not deciding_purposes(contract, self._view.policy):
            return frame
        permissions, at, purpose = self._permissions(), self._view.moment, str(contract.built_for)
        kept = permissions.permitted(frame, purpose, at, str(contract.subject_key))
        for others, columns in narrower_columns(contract).items():
            kept = self._blanked(kept, columns, others, permissions, str(contract.subject_key))
        return kept

    def note_refreshed(self, table: str) -> None:
        """Record which consents silver/permission covers, after its refresh; do nothing for other tables."""
        if table == PERMISSION:
            note_permissions(self._view)

    @property
    def _view(self) -> ConsentView:
        if self.view is None:
            raise ConsentError(
                "Tables about customers need the consent record, and this build has none; pass a ConsentView."
            )
        return self.view

    @staticmethod
    def _concerns(contract: Document) -> bool:
        return contract.layer == "gold" and contract.subject_key is not None

    def _blanked(
        self, frame: DataFrame, columns: list[str], purposes: tuple[str, ...], permissions: Permissions, key: str
    ) -> DataFrame:
        """Return the frame with the columns set to null for customers who permit none of the purposes."""
        flags = [f"_may_{number}" for number in range(len(purposes))]
        for flag, purpose in zip(flags, purposes, strict=True):
            frame = permissions.flagged(frame, purpose, self._view.moment, flag, key)
        may = reduce(Column.__or__, (F.col(flag) for flag in flags))
        values: dict[str, Column] = {name: F.when(may, F.col(name)) for name in columns}
        return frame.withColumns(values).drop(*flags)

    def _digests(self) -> Mapping[str, str]:
        """Return a digest of the verdicts by purpose at the view's moment; one query serves all tables of a run."""
        permissions, view = self._permissions(), self._view
        table = f"{self.lakehouse.path(PERMISSION)}@{self.lakehouse.version(PERMISSION)}"
        if table not in view.digests:
            now = permissions.at(view.moment)
            each = F.xxhash64(CUSTOMER, "verdict").cast("decimal(20,0)")
            rows = now.groupBy("purpose").agg(F.count(F.lit(1)), F.sum(each)).collect()
            view.digests[table] = {row[0]: f"{row[1]}.{row[2]}" for row in rows}
        return view.digests[table]

    def _permissions(self) -> Permissions:
        if not self.lakehouse.exists(PERMISSION):
            raise ConsentError(f"There is no table {PERMISSION}, so no permission is known: run `bojagi run`.")
        return Permissions(self.lakehouse.read(PERMISSION), self._view.policy)
