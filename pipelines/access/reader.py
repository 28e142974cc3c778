"""Reads of tables by people and services: only the columns of the role, only people who permit the purpose, all logged.

This stands above `SparkLakehouse`, which knows tables and no people (docs/decisions/0015). What the pipelines build is
filtered in the making (`pipelines.consent.filter`); here a withdrawal counts that was recorded a moment ago.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from installation.contract.document import Contracts
from pipelines.consent.current_permission import keep_permitted_now
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from privacy.access.errors import AccessRefused
from privacy.access.plan import ReadPlan, plan_read
from privacy.access.pseudonym import pseudonyms
from privacy.access.role import Roles
from privacy.audit import Access, AuditLog
from privacy.consent.view import ConsentView
from privacy.errors import PrivacyError

_REASON_LENGTH = 500
_KEYS = "silver/identifier"
_CUSTOMER = "_customer"


@dataclass(frozen=True)
class Read:
    """What a read gives: the rows, the plan that they follow, and of how many people they are."""

    frame: DataFrame
    plan: ReadPlan
    subjects: int | None


@dataclass(frozen=True)
class Reader:
    """Reads as somebody. `secret` makes the pseudonyms, `clock` stamps the log."""

    lakehouse: SparkLakehouse
    contracts: Contracts
    consent: Callable[[], ConsentView]
    roles: Roles
    audit: AuditLog
    secret: bytes
    who: str
    clock: Callable[[], datetime]

    def read(self, table: str, role: str, purpose: str, columns: Sequence[str] | None = None) -> Read:
        """Return what the role may read of a table for a purpose, of the people who permit it now.

        The read is in the log before a row is returned; so is one that was refused.

        Raises:
            AccessRefused: the role may not read this.
            ConsentError: it is not known who permits the purpose.
            AuditError: the read could not be logged.
        """
        with self._refusals_logged(table, role, purpose):
            view = self.consent()
            document = self.contracts.table(table)
            plan = plan_read(document, role, purpose, self.roles, view.policy, columns)
            frame = self._permitted(self._with_customer(self.lakehouse.read(table), plan), plan, view)
            subjects = None if plan.subject_key is None else _people(frame)
            shown = self._pseudonymised(frame, plan, role, subjects).select(*plan.columns)
        number = None if subjects is None else len(subjects)
        if plan.is_personal:
            self._log(table, role, purpose, "allowed", plan.columns, number)
        return Read(shown, plan, number)

    def _with_customer(self, frame: DataFrame, plan: ReadPlan) -> DataFrame:
        """The rows with the customer of each in `_customer`; null where nobody is known."""
        key = plan.subject_key
        if key is None or key == "customer_id":
            return frame.withColumn(_CUSTOMER, F.col(key) if key else F.lit(None).cast("string"))
        kind = self.contracts.table(plan.table).column(key).token
        if kind is None or not self.lakehouse.exists(_KEYS):
            raise AccessRefused(f"{plan.table} leads to its people by {key}, of which no matching key is kept.")
        known = self.lakehouse.read(_KEYS).where(F.col("token_kind") == kind)
        owners = known.select(F.col("token").alias("_token"), F.col("customer_id").alias(_CUSTOMER))
        return frame.join(owners, F.col(f"{key}_token") == F.col("_token"), "left").drop("_token")

    def _permitted(self, frame: DataFrame, plan: ReadPlan, view: ConsentView) -> DataFrame:
        if plan.subject_key is None:
            return frame
        return keep_permitted_now(frame, plan.purpose, view, self.lakehouse, _CUSTOMER)

    def _pseudonymised(self, frame: DataFrame, plan: ReadPlan, role: str, subjects: list[str] | None) -> DataFrame:
        key = plan.subject_key
        if not plan.is_pseudonymised or key is None or key not in plan.columns:
            return frame
        made = pseudonyms(self.secret, role, plan.purpose, subjects or ())
        if not made:
            return frame.withColumn(key, F.lit(None).cast("string"))
        named = {"_who": pa.array(made.keys(), pa.string()), "_as": pa.array(made.values(), pa.string())}
        stand_ins = F.broadcast(frame.sparkSession.createDataFrame(pa.table(named)))
        joined = frame.join(stand_ins, F.col(_CUSTOMER) == F.col("_who"), "left")
        return joined.withColumn(key, F.col("_as")).drop("_who", "_as")

    @contextmanager
    def _refusals_logged(self, table: str, role: str, purpose: str) -> Iterator[None]:
        try:
            yield
        except PrivacyError as error:
            self._log(table, role, purpose, "refused", (), None, error.message)
            raise

    def _log(
        self, table: str, role: str, purpose: str, outcome: str, columns: Sequence[str], subjects: int | None,
        reason: str | None = None,
    ) -> None:  # fmt: skip
        told = reason if reason is None else reason[:_REASON_LENGTH]
        self.audit.append(
            Access(at=self.clock(), who=self.who, role=role, purpose=purpose, action="read", table=table,
                   columns=tuple(columns), subjects=subjects, outcome=outcome, reason=told)
        )  # fmt: skip


def _people(frame: DataFrame) -> list[str]:
    """Every customer in the rows, once."""
    found: list[str] = frame.select(_CUSTOMER).where(F.col(_CUSTOMER).isNotNull()).distinct().toArrow()[0].to_pylist()
    return found
