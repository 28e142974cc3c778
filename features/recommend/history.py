"""The purchases of customers as arrays, one entry for each customer, item and day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_EPOCH = date(1970, 1, 1)


def day_number(day: date) -> int:
    """Return the number of days since 1 January 1970."""
    return (day - _EPOCH).days


@dataclass(frozen=True)
class PurchaseHistory:
    """Purchases, sorted by customer, item and day, which together are the key.

    Attributes:
        customers: ids; `customer` holds positions in it.
        items: names; `item` holds positions in it.
        customer, item, day: one entry a purchase; `day` as of `day_number`.
        quantity: units bought, at least 1.
        unit_price: amount paid for one unit.
        is_discounted: 1 where the shop or a coupon lowered the price, otherwise 0.
    """

    customers: tuple[str, ...]
    items: tuple[str, ...]
    customer: Ints
    item: Ints
    day: Ints
    quantity: Floats
    unit_price: Floats
    is_discounted: Floats

    @classmethod
    def of_table(cls, lines: pa.Table) -> PurchaseHistory:
        """Return the history of order lines.

        Columns: customer_id, item, order_date, quantity, sales_value, list_value. Lines without a customer or an item
        are left out; lines of the same customer, item and day are added up.
        """
        kept = lines.drop_null() if lines.num_rows else lines
        customers, customer = encode(kept["customer_id"])
        items, item = encode(kept["item"])
        day = np.asarray(pc.cast(kept["order_date"], pa.int32()).to_numpy(), dtype=np.int64)
        quantity, paid, listed = (
            np.asarray(pc.cast(kept[name], pa.float64()).to_numpy(), dtype=np.float64)
            for name in ("quantity", "sales_value", "list_value")
        )
        order = np.lexsort((day, item, customer))
        customer, item, day = customer[order], item[order], day[order]
        quantity, paid, listed = quantity[order], paid[order], listed[order]
        starts = _starts(customer, item, day)
        if not len(starts):
            return cls(customers, items, customer, item, day, quantity, paid, listed)
        quantity, paid, listed = (np.add.reduceat(one, starts) for one in (quantity, paid, listed))
        units = np.maximum(quantity, 1.0)
        discounted = (paid < listed - 0.005).astype(np.float64)
        return cls(
            customers, items, customer[starts], item[starts], day[starts], units, paid / units, discounted
        )  # fmt: skip

    def before(self, day: int) -> PurchaseHistory:
        """Return the purchases before a day."""
        return self._where(self.day < day)

    def between(self, first: int, end: int) -> PurchaseHistory:
        """Return the purchases from `first` on and before `end`."""
        return self._where((self.day >= first) & (self.day < end))

    def of_items(self, items: tuple[str, ...]) -> PurchaseHistory:
        """Return the purchases of these items, with positions in this list of items."""
        place = {name: position for position, name in enumerate(items)}
        new = np.array([place.get(name, -1) for name in self.items], dtype=np.int64)
        kept = self._where(new[self.item] >= 0)
        moved = new[kept.item]
        order = np.lexsort((kept.day, moved, kept.customer))
        return replace(kept, items=items, item=moved)._taken(order)

    def of_customers(self, wanted: Ints) -> PurchaseHistory:
        """Return the purchases of these customers, with positions in `wanted`, which are sorted without repetition."""
        place = np.full(len(self.customers), -1, dtype=np.int64)
        place[wanted] = np.arange(len(wanted))
        kept = self._where(place[self.customer] >= 0)
        names = tuple(self.customers[one] for one in wanted)
        return replace(kept, customers=names, customer=place[kept.customer])

    def _where(self, kept: npt.NDArray[np.bool_]) -> PurchaseHistory:
        return self._taken(np.flatnonzero(kept))

    def _taken(self, places: Ints) -> PurchaseHistory:
        return replace(
            self, customer=self.customer[places], item=self.item[places], day=self.day[places],
            quantity=self.quantity[places], unit_price=self.unit_price[places],
            is_discounted=self.is_discounted[places],
        )  # fmt: skip


def encode(column: pa.ChunkedArray) -> tuple[tuple[str, ...], Ints]:
    """Return the sorted distinct values as text, and the position in them of each entry."""
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    names = np.array(encoded.dictionary.to_pylist(), dtype=object)
    order = np.argsort(names.astype(str), kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    codes = place[np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)]
    return tuple(str(names[one]) for one in order), codes


def _starts(*sorted_keys: Ints) -> Ints:
    if not len(sorted_keys[0]):
        return np.zeros(0, dtype=np.int64)
    changes = np.any([np.diff(key) != 0 for key in sorted_keys], axis=0)
    return np.concatenate(([0], np.flatnonzero(changes) + 1)).astype(np.int64)
