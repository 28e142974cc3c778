"""Who permits a purpose as of now: by the table of the last run, less whoever has said no since."""

from __future__ import annotations

import hashlib

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from privacy.consent.errors import ConsentError
from privacy.consent.frame import Permissions
from privacy.consent.recent_denial import PERMISSION, denied_since
from privacy.consent.view import ConsentView


def keep_permitted_now(
    frame: DataFrame, purpose: str, view: ConsentView, lakehouse: SparkLakehouse, customer: str
) -> DataFrame:
    """Return only the rows whose customer permits the purpose at the view's moment; all where nobody can refuse.

    Args:
        frame: rows with a column that names the customer.
        purpose: what the rows shall be used for.
        view: what the record says.
        lakehouse: where silver/permission lies.
        customer: name of the column with the customer.

    Raises:
        ConsentError: it is not known who permits the purpose.
    """
    if not view.policy.can_refuse(purpose):
        return frame
    _require_permission(lakehouse)
    kept = Permissions(lakehouse.read(PERMISSION), view.policy).permitted(frame, purpose, view.moment, customer)
    denied = denied_since(view, purpose)
    if not denied:
        return kept
    names = kept.sparkSession.createDataFrame(pa.table({"_denied": denied}))
    return kept.join(names, F.col(customer) == F.col("_denied"), "left_anti")


def standing_version(purpose: str, view: ConsentView, lakehouse: SparkLakehouse) -> str:
    """Return what changes when others may permit the purpose: the table's version and who has said no since."""
    if not view.policy.can_refuse(purpose):
        return "all"
    _require_permission(lakehouse)
    denied = hashlib.sha256("\n".join(denied_since(view, purpose)).encode()).hexdigest()
    return f"{lakehouse.version(PERMISSION)}-{view.policy.digest}-{denied}"


def _require_permission(lakehouse: SparkLakehouse) -> None:
    if not lakehouse.exists(PERMISSION):
        raise ConsentError(f"There is no table {PERMISSION}: nobody is known to permit anything; run `bojagi run`.")
