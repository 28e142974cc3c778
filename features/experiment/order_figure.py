"""Reads the figures of a metric of orders, of customers who permit the purpose of the experiment now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.experiment.definition import Experiment
from features.experiment.store import Assigned
from installation.installation import Installation
from privacy.access.plan import plan_read
from privacy.access.reader import CUSTOMER

TABLE = "gold/order_history"
ROLE = "experiment"
"""The role of the program that reads orders for experiments. Staff see its figures about groups only."""
_COLUMNS = ("order_date", "sales_value")


def require_orders(installation: Installation, purpose: str) -> None:
    """Check that orders may be read for a purpose.

    Raises:
        AccessRefused: they may not.
    """
    plan_read(installation.contracts.table(TABLE), ROLE, purpose, installation.roles, installation.policy, _COLUMNS)


def order_figures(
    installation: Installation, experiment: Experiment, assigned: Sequence[Assigned], until: date, who: str
) -> dict[tuple[str, str], float]:
    """Return the metric, and that of the days before the start, by customer and name of the figure; the read is logged.

    A customer without orders, or who does not permit the purpose now, is left out.

    Args:
        installation: has the orders.
        experiment: its metric is one of orders.
        assigned: the customers. Orders count from the day of the assignment.
        until: the last day that counts.
        who: on whose behalf, for the log.

    Raises:
        AccessRefused, ConsentError, AuditError, LakehouseError: see `TableReader.read`.
    """
    first = experiment.start - timedelta(experiment.days_before)
    where = f"order_date >= '{first}' AND order_date <= '{until}'"
    reader = installation.table_reader(f"experiment {experiment.name} for {who}")
    read = reader.read(TABLE, ROLE, experiment.purpose, _COLUMNS, where=where, with_customer=True)
    customers = [one.customer_id for one in assigned]
    orders = read.frame.append_column("place", pc.index_in(read.frame[CUSTOMER], value_set=pa.array(customers)))
    orders = orders.filter(pc.is_valid(orders["place"]))
    zone = ZoneInfo(installation.settings.time_zone)
    entered = np.array([one.at.astimezone(zone).date() for one in assigned], "datetime64[D]")
    place, day = orders["place"].to_numpy(), orders["order_date"].to_numpy().astype("datetime64[D]")
    is_spend = experiment.metric.name == "spend"
    value = orders["sales_value"].cast(pa.float64()).to_numpy() if is_spend else np.ones(len(place))
    found: dict[tuple[str, str], float] = {}
    start = np.datetime64(experiment.start)
    for name, counts in ((experiment.metric.name, day >= entered[place]), (experiment.before, day < start)):
        if name is not None:
            sums = np.bincount(place[counts], value[counts], minlength=len(customers))
            found |= {(one, name): float(x) for one, x in zip(customers, sums, strict=True) if x}
    return found
