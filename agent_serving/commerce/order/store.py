"""Keeps orders, stock, coupons, the outbox of instructions, receipts and the ledger: one store, one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_serving.commerce.history import log
from agent_serving.commerce.moment import text_of
from agent_serving.commerce.money import Money
from agent_serving.commerce.order.errors import UnknownOrder
from agent_serving.commerce.order.order import DELIVERY, Line, Order, State
from agent_serving.commerce.payment import step_up, webhook
from agent_serving.commerce.payment.provider import Operation, Receipt
from privacy.storage.database import AMONG, open_database

if TYPE_CHECKING:
    from privacy.storage.database import Place

FILE = Path("commerce") / "order.db"
"""Below the data folder."""
STORE = "orders"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS sale_order (
  order_id TEXT PRIMARY KEY, customer_id TEXT NOT NULL, request_key TEXT NOT NULL, fingerprint TEXT NOT NULL,
  method TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, minor INTEGER NOT NULL, currency TEXT NOT NULL,
  coupon TEXT NOT NULL, needs_approval INTEGER NOT NULL, approved INTEGER, payment_id TEXT NOT NULL,
  expires_at TEXT NOT NULL, placed_at TEXT NOT NULL, UNIQUE (customer_id, request_key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sale_order_state ON sale_order (state, expires_at);
CREATE TABLE IF NOT EXISTS sale_line (
  order_id TEXT NOT NULL, number INTEGER NOT NULL, product_id TEXT NOT NULL, store_id TEXT NOT NULL,
  quantity INTEGER NOT NULL, price INTEGER NOT NULL, paid INTEGER NOT NULL, refunded INTEGER NOT NULL,
  PRIMARY KEY (order_id, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS instruction (
  key TEXT PRIMARY KEY, order_id TEXT NOT NULL, position INTEGER NOT NULL, operation TEXT NOT NULL,
  minor INTEGER NOT NULL, currency TEXT NOT NULL, detail TEXT NOT NULL, attempts INTEGER NOT NULL,
  due_at TEXT NOT NULL, outcome TEXT NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS instruction_order ON instruction (order_id, position);
CREATE INDEX IF NOT EXISTS instruction_due ON instruction (due_at) WHERE outcome = '';
CREATE TABLE IF NOT EXISTS receipt (key TEXT PRIMARY KEY, content TEXT NOT NULL, at TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS posting (
  cause TEXT NOT NULL, account TEXT NOT NULL, order_id TEXT NOT NULL, minor INTEGER NOT NULL, currency TEXT NOT NULL,
  at TEXT NOT NULL, PRIMARY KEY (cause, account)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stock_level (
  product_id TEXT NOT NULL, store_id TEXT NOT NULL, available INTEGER NOT NULL CHECK (available >= 0),
  PRIMARY KEY (product_id, store_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS coupon (
  code TEXT PRIMARY KEY, minor INTEGER NOT NULL, minimum INTEGER NOT NULL, currency TEXT NOT NULL,
  remaining INTEGER NOT NULL CHECK (remaining >= 0), valid_until TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS commerce_time (one INTEGER PRIMARY KEY CHECK (one = 1), at TEXT NOT NULL);
"""
SCHEMA = "".join((_SCHEMA, log.SCHEMA, webhook.SCHEMA, step_up.SCHEMA))
_ORDER = (
    "order_id, customer_id, method, state, reason, minor, currency, coupon, needs_approval, approved, payment_id, "
    "expires_at"
)
_STEP = "key, order_id, operation, minor, currency, detail, attempts, outcome"


@dataclass(frozen=True)
class Step:
    """An instruction in the outbox. `outcome` is empty until there is a receipt, or the step was given up.

    `detail`: for a refund, its lines and units as JSON.
    """

    key: str
    order_id: str
    operation: Operation
    amount: Money
    detail: str
    attempts: int
    outcome: str


@dataclass(frozen=True)
class Coupon:
    """A discount that can be used `remaining` times, for goods of `minimum` or more."""

    code: str
    off: Money
    minimum: Money
    remaining: int
    valid_until: datetime


class OrderStore:
    """The orders of one installation, in one private file or on a server. Use one object per thread."""

    def __init__(self, place: Place) -> None:
        """Open the store, and create it if there is none.

        Raises:
            OSError, DATABASE_ERRORS: it cannot be opened.
        """
        self.db = open_database(place, SCHEMA, STORE, overwrites=True)

    def close(self) -> None:
        """Close the store."""
        self.db.close()

    @contextmanager
    def changing(self, clock: datetime) -> Iterator[str]:
        """Commit all changes of the block, or none; yield the time, which never goes backwards in this store.

        A clock that was put back thus brings no expired offer, reservation, challenge or webhook to life.
        """
        with self.db.transaction():
            now = text_of(clock)
            row = self.db.execute("SELECT at FROM commerce_time WHERE one = 1").fetchone()
            if row is None or row[0] < now:
                self.db.execute(
                    "INSERT INTO commerce_time VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET at = excluded.at", (now,)
                )
                yield now
            else:
                yield str(row[0])

    def order(self, order_id: str) -> Order:
        """Return an order.

        Raises:
            UnknownOrder: there is none.
        """
        row = self.db.execute(f"SELECT {_ORDER} FROM sale_order WHERE order_id = ?", (order_id,)).fetchone()
        if row is None:
            raise UnknownOrder(order_id)
        return self._order(row)

    def requested(self, customer_id: str, request_key: str) -> tuple[str, str] | None:
        """Return order id and fingerprint of the request with this key; None if it is new."""
        query = "SELECT order_id, fingerprint FROM sale_order WHERE customer_id = ? AND request_key = ?"
        row = self.db.execute(query, (customer_id, request_key)).fetchone()
        return None if row is None else (str(row[0]), str(row[1]))

    def overdue(self, now: str) -> list[str]:
        """Return the orders that wait for an approval beyond their time."""
        query = "SELECT order_id FROM sale_order WHERE state = ? AND expires_at < ?"
        return [str(one) for (one,) in self.db.execute(query, (State.AWAITING_APPROVAL, now)).fetchall()]

    def in_state(self, state: State) -> list[str]:
        """Return the orders in a state."""
        query = "SELECT order_id FROM sale_order WHERE state = ? ORDER BY placed_at"
        return [str(one) for (one,) in self.db.execute(query, (state,)).fetchall()]

    def add(self, order: Order, request_key: str, fingerprint: str, now: str) -> None:
        """Store a new order. Like all changes, use it inside `changing`."""
        row = (
            order.order_id, order.customer_id, request_key, fingerprint, order.method, order.state, order.reason,
            order.amount.minor, order.amount.currency, order.coupon, int(order.needs_approval), None,
            order.payment_id, order.expires_at, now,
        )  # fmt: skip
        self.db.execute(f"INSERT INTO sale_order VALUES ({', '.join('?' * len(row))})", row)
        self.db.executemany(
            "INSERT INTO sale_line VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (order.order_id, one.number, one.product_id, one.store_id, one.quantity, one.price.minor,
                 one.paid.minor, one.refunded)
                for one in order.lines
            ],
        )  # fmt: skip

    def set_state(self, order_id: str, state: State, reason: str = "") -> None:
        """Store a state and its reason."""
        self.db.execute("UPDATE sale_order SET state = ?, reason = ? WHERE order_id = ?", (state, reason, order_id))

    def set_payment(self, order_id: str, payment_id: str) -> None:
        """Store the provider's name of the payment."""
        self.db.execute("UPDATE sale_order SET payment_id = ? WHERE order_id = ?", (payment_id, order_id))

    def set_approved(self, order_id: str, amount: Money) -> None:
        """Store the amount that the customer approved."""
        self.db.execute("UPDATE sale_order SET approved = ? WHERE order_id = ?", (amount.minor, order_id))

    def add_refunded(self, order_id: str, number: int, units: int) -> None:
        """Raise the number of refunded units of a line; lower it by a negative number."""
        change = "UPDATE sale_line SET refunded = refunded + ? WHERE order_id = ? AND number = ?"
        self.db.execute(change, (units, order_id, number))

    def give(self, key: str, order: Order, operation: Operation, amount: Money, detail: str, now: str) -> None:
        """Put an instruction into the outbox, after all others of the order."""
        query = "SELECT coalesce(max(position), 0) + 1 FROM instruction WHERE order_id = ?"
        (position,) = self.db.execute(query, (order.order_id,)).fetchone()
        row = (key, order.order_id, position, operation, amount.minor, amount.currency, detail, 0, now, "")
        self.db.execute(f"INSERT INTO instruction VALUES ({', '.join('?' * len(row))})", row)

    def step(self, key: str) -> Step | None:
        """Return the instruction with a key; None if there is none."""
        row = self.db.execute(f"SELECT {_STEP} FROM instruction WHERE key = ?", (key,)).fetchone()
        return None if row is None else _step(row)

    def due(self, now: str) -> Step | None:
        """Return the next instruction to carry out: of each order the first without an outcome, if it is due."""
        query = (
            f"SELECT {_STEP} FROM instruction AS i WHERE outcome = '' AND due_at <= ? AND NOT EXISTS (SELECT 1 FROM "
            "instruction AS b WHERE b.order_id = i.order_id AND b.outcome = '' AND b.position < i.position) "
            "ORDER BY due_at LIMIT 1"
        )
        row = self.db.execute(query, (now,)).fetchone()
        return None if row is None else _step(row)

    def attempted(self, key: str, due_at: str) -> None:
        """Count an attempt, and store when the next one is due if there is no outcome until then."""
        self.db.execute("UPDATE instruction SET attempts = attempts + 1, due_at = ? WHERE key = ?", (due_at, key))

    def settle(self, key: str, outcome: str) -> None:
        """Store the outcome of an instruction."""
        self.db.execute("UPDATE instruction SET outcome = ? WHERE key = ?", (outcome, key))

    def is_first_receipt(self, receipt: Receipt, now: str) -> bool:
        """Store a receipt and return whether its key had none, however it came: as an answer or by a webhook."""
        add = "INSERT INTO receipt VALUES (?, ?, ?) ON CONFLICT (key) DO NOTHING"
        return self.db.execute(add, (receipt.key, receipt.reason or "accepted", now)).rowcount == 1

    def post(self, cause: str, order: Order, minors: dict[str, int], now: str) -> None:
        """Post amounts to accounts; they add up to zero, and a cause is posted once."""
        assert sum(minors.values()) == 0
        rows = [(cause, name, order.order_id, minor, order.amount.currency, now) for name, minor in minors.items()]
        self.db.executemany("INSERT INTO posting VALUES (?, ?, ?, ?, ?, ?)", rows)

    def balances(self, account: str) -> dict[str, int]:
        """Return the balance of an account by order, without orders at zero."""
        query = "SELECT order_id, sum(minor) FROM posting WHERE account = ? GROUP BY order_id HAVING sum(minor) <> 0"
        return {str(one): int(minor) for one, minor in self.db.execute(query, (account,)).fetchall()}

    def take_stock(self, lines: Sequence[Line]) -> Line | None:
        """Reserve the goods of all lines; return the first line whose stock does not suffice."""
        take = (
            "UPDATE stock_level SET available = available - ? WHERE product_id = ? AND store_id = ? AND available >= ?"
        )
        for one in lines:
            if one.product_id != DELIVERY:
                taken = self.db.execute(take, (one.quantity, one.product_id, one.store_id, one.quantity))
                if taken.rowcount != 1:
                    return one
        return None

    def return_stock(self, lines: Sequence[Line]) -> None:
        """Give reserved goods back."""
        back = "UPDATE stock_level SET available = available + ? WHERE product_id = ? AND store_id = ?"
        self.db.executemany(back, [(one.quantity, one.product_id, one.store_id) for one in lines])

    def set_stock(self, product_id: str, store_id: str, available: int) -> None:
        """Store how many units can be sold."""
        self.db.execute(
            "INSERT INTO stock_level VALUES (?, ?, ?) "
            "ON CONFLICT (product_id, store_id) DO UPDATE SET available = excluded.available",
            (product_id, store_id, available),
        )

    def stock(self, product_id: str, store_id: str) -> int:
        """Return how many units can be sold; 0 for a product that the store does not have."""
        query = "SELECT available FROM stock_level WHERE product_id = ? AND store_id = ?"
        row = self.db.execute(query, (product_id, store_id)).fetchone()
        return 0 if row is None else int(row[0])

    def add_coupon(self, coupon: Coupon) -> None:
        """Store a coupon; one with the same code is replaced."""
        self.db.execute("DELETE FROM coupon WHERE code = ?", (coupon.code,))
        row = (
            coupon.code, coupon.off.minor, coupon.minimum.minor, coupon.off.currency, coupon.remaining,
            text_of(coupon.valid_until),
        )  # fmt: skip
        self.db.execute("INSERT INTO coupon VALUES (?, ?, ?, ?, ?, ?)", row)

    def take_coupon(self, code: str, goods: Money, now: str) -> Money | None:
        """Use a coupon once and return its discount; None if it is unknown, used up, expired or below its minimum."""
        take = (
            "UPDATE coupon SET remaining = remaining - 1 WHERE code = ? AND currency = ? AND minimum <= ? "
            "AND valid_until >= ? AND remaining > 0"
        )
        if self.db.execute(take, (code, goods.currency, goods.minor, now)).rowcount != 1:
            return None
        (minor,) = self.db.execute("SELECT minor FROM coupon WHERE code = ?", (code,)).fetchone()
        return min(Money(int(minor), goods.currency), goods)

    def return_coupon(self, code: str) -> None:
        """Give a use of a coupon back."""
        self.db.execute("UPDATE coupon SET remaining = remaining + 1 WHERE code = ?", (code,))

    def orders_of(self, customers: Sequence[str]) -> list[Order]:
        """Return the orders of these customers."""
        query = f"SELECT {_ORDER} FROM sale_order WHERE customer_id {AMONG} ORDER BY placed_at"
        return [self._order(row) for row in self.db.execute(query, (json.dumps(list(customers)),)).fetchall()]

    def _order(self, row: Sequence[Any]) -> Order:
        (order_id, customer, method, state, reason, minor, currency, coupon, needs, approved, payment, expires) = row
        query = (
            "SELECT number, product_id, store_id, quantity, price, paid, refunded FROM sale_line WHERE order_id = ? "
            "ORDER BY number"
        )
        lines = tuple(
            Line(number, product, store, quantity, Money(price, currency), Money(paid, currency), refunded)
            for number, product, store, quantity, price, paid, refunded in self.db.execute(query, (order_id,))
        )
        known = None if approved is None else Money(approved, currency)
        return Order(
            order_id, customer, method, State(state), reason, Money(minor, currency), coupon, bool(needs), known,
            payment, expires, lines,
        )  # fmt: skip


def _step(row: Sequence[Any]) -> Step:
    key, order_id, operation, minor, currency, detail, attempts, outcome = row
    return Step(key, order_id, Operation(operation), Money(minor, currency), detail, attempts, outcome)
