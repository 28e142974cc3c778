"""Filters rows by current consent: by silver/permission, corrected by the consents recorded after it was built."""

from __future__ import annotations

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from privacy.consent.errors import ConsentError
from privacy.consent.frame import Permissions
from privacy.consent.verdict_change import PERMISSION, changed_verdicts
from privacy.consent.view import ConsentView


def keep_permitted_now(
    frame: DataFrame, purpose: str, view: ConsentView, lakehouse: SparkLakehouse, customer: str
) -> DataFrame:
    """Return the rows whose customer permits the purpose at the view's moment.

    If no customer can refuse the purpose, all rows are returned.

    Rows with a null customer are kept only for purposes that do not rest on consent.

    Args:
        frame: rows with a column that names the customer.
        purpose: purpose for which the rows are used.
        view: the consent record.
        lakehouse: where silver/permission is.
        customer: name of the column with the customer.

    Raises:
        ConsentError: there is no table silver/permission.
    """
    if not view.policy.can_refuse(purpose):
        return frame
    _require_permission(lakehouse)
    permissions = Permissions(lakehouse.read(PERMISSION), view.policy)
    changed = changed_verdicts(view, purpose)
    if not changed:
        return permissions.permitted(frame, purpose, view.moment, customer)
    since = frame.sparkSession.createDataFrame(
        pa.table({"_changed": pa.array(list(changed), pa.string()), "_may": pa.array(list(changed.values()))})
    )
    joined = frame.join(F.broadcast(since), F.col(customer) == F.col("_changed"), "left")
    unchanged = permissions.permitted(joined.where(F.col("_changed").isNull()), purpose, view.moment, customer)
    return unchanged.unionByName(joined.where("_may")).drop("_changed", "_may")


def _require_permission(lakehouse: SparkLakehouse) -> None:
    if not lakehouse.exists(PERMISSION):
        raise ConsentError(f"There is no table {PERMISSION}, so no permission is known: run `bojagi run`.")
