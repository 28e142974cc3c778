"""The saga of an order: each change of state is stored together with the next instruction to the payment provider.

An instruction is in the outbox before it is sent, and is sent with the same key until there is a receipt. Receipts come
as answers or by webhooks, doubled and in any order; the first one of a key counts. So a process may be killed anywhere:
whoever comes next reads the outbox and goes on, and the provider, which honours keys, moves the money once.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from agent_serving.commerce.history.log import History
from agent_serving.commerce.moment import moment_of, text_of
from agent_serving.commerce.money import Money, total
from agent_serving.commerce.order.errors import OrderRefused, UnknownInstruction
from agent_serving.commerce.order.order import OfferSource, Order, OrderRequest, State, lines_of
from agent_serving.commerce.order.store import OrderStore, Step
from agent_serving.commerce.payment.provider import (
    Instruction,
    Operation,
    PaymentProvider,
    ProviderRefused,
    ProviderUnavailable,
    Receipt,
)
from agent_serving.commerce.payment.step_up import StepUp, StepUpRefused, challenge_of
from agent_serving.commerce.payment.webhook import check_message, is_first

OPEN_MINUTES = 15
"""How long stock and coupon are kept for an order that waits for an approval."""
_FORWARD = (Operation.AUTHORISE, Operation.CAPTURE)


@dataclass(frozen=True)
class Rules:
    """What a saga asks and how long it waits.

    Attributes:
        permits: whether the customer's data may still be used for the order; asked before money is reserved or taken.
        needs_approval: whether an order of this amount needs a step-up.
        retry: the time until an instruction without an answer is sent again; it doubles with each attempt, up to
            `longest_retry`. It must be longer than the provider's timeout.
        longest_retry: see `retry`.
    """

    permits: Callable[[str], bool]
    needs_approval: Callable[[Money], bool]
    retry: timedelta = timedelta(seconds=20)
    longest_retry: timedelta = timedelta(minutes=10)


@dataclass(frozen=True)
class Saga:
    """Places, pays, cancels and refunds orders. Use one object per thread; any number of processes may."""

    store: OrderStore
    history: History
    provider: PaymentProvider
    offers: OfferSource
    step_up: StepUp
    rules: Rules
    clock: Callable[[], datetime]

    def place(self, request: OrderRequest) -> Order:
        """Reserve stock and coupon, freeze the shares of the lines, and store the order; the same for a repetition.

        Raises:
            OrderRefused: key reused with another content, stale offer, no stock, coupon not valid, no permission.
            MoneyError: prices are in several currencies.
        """
        fingerprint = _fingerprint(asdict(request))
        offers = self.offers.offers([one.offer_id for one in request.wishes])
        with self._changing() as now:
            if (known := self.store.requested(request.customer_id, request.request_key)) is not None:
                if known[1] != fingerprint:
                    raise OrderRefused("key_reused", "The key of the request was used for another order.")
                return self.store.order(known[0])
            self._require_permission(request.customer_id)
            order = self._priced(request, {k: v for k, v in offers.items() if text_of(v.valid_until) >= now}, now)
            if (short := self.store.take_stock(order.lines)) is not None:
                raise OrderRefused("out_of_stock", f"Line {short.number}: fewer than {short.quantity} are left.")
            self.store.add(order, request.request_key, fingerprint, now)
            self._record(order, order.state, now)
            if order.state is State.PLACED:
                self._authorise(order, now)
            return order

    def _priced(self, request: OrderRequest, offers: Mapping[str, Any], now: str) -> Order:
        none = Money(0, request.delivery.currency)
        undiscounted = lines_of(request, offers, none)
        goods = total((one.paid for one in undiscounted), none.currency) - request.delivery
        off = self.store.take_coupon(request.coupon, goods, now) if request.coupon else none
        if off is None:
            raise OrderRefused("coupon_not_valid", "The coupon is unknown, used up, expired, or needs a larger order.")
        lines = lines_of(request, offers, off)
        amount = total((one.paid for one in lines), none.currency)
        needs = bool(amount) and self.rules.needs_approval(amount)
        state = State.AWAITING_APPROVAL if needs else State.PLACED if amount else State.PAID
        expires_at = text_of(moment_of(now) + timedelta(minutes=OPEN_MINUTES))
        return Order(
            secrets.token_hex(12), request.customer_id, request.method, state, "", amount, request.coupon, needs, None,
            "", expires_at, lines,
        )  # fmt: skip

    def begin_approval(self, order_id: str) -> bytes:
        """Return a challenge that the customer's passkey signs to approve the amount of the order."""
        with self._changing() as now:
            order = self._awaiting(order_id)
            return self.step_up.begin(order_id, order.amount, moment_of(now))

    def approve_by_passkey(self, order_id: str, challenge: bytes, answer: dict[str, Any]) -> None:
        """Accept a passkey's answer to a challenge, and let the payment begin.

        Raises:
            StepUpRefused: the challenge was used, is expired, of another amount or order, or is not signed.
            OrderRefused: the order does not wait for an approval.
        """
        with self._changing():
            nonce, of_order, expires_at = self.step_up.use(challenge)
        with self._changing() as now:
            order = self._awaiting(order_id)
            if of_order != order_id or expires_at < now:
                raise StepUpRefused("challenge_expired", "The challenge is of another order or too old. Begin again.")
            expected = challenge_of(nonce, order.amount, order_id)
            if expected != challenge:
                raise StepUpRefused("amount_changed", "The amount was changed after the challenge. Begin again.")
            self.step_up.check_passkey(order.customer_id, expected, answer)
            self._approved(order, now)

    def approve_by_code(self, order_id: str, amount: Money, code: str) -> None:
        """Accept a one-time code for the amount that the customer was shown, and let the payment begin.

        Raises:
            StepUpRefused: the code is wrong or was used, or the order has another amount.
            OrderRefused: the order does not wait for an approval.
        """
        with self._changing() as now:
            order = self._awaiting(order_id)
            if order.amount != amount:
                raise StepUpRefused("amount_changed", "The order has another amount than the customer was shown.")
            is_right = self.step_up.check_code(order.customer_id, code, moment_of(now))
            if is_right:
                self._approved(order, now)
        if not is_right:
            raise StepUpRefused("wrong_code", "The code is wrong or was used before. Wait for the next one.")

    def cancel(self, order_id: str, reason: str) -> State:
        """Cancel an order whose money was not taken, and return its state; nothing changes if it is over already.

        Raises:
            OrderRefused: the money was or is being taken: refund it instead.
        """
        with self._changing() as now:
            return self._cancel(self.store.order(order_id), reason, now)

    def _cancel(self, order: Order, reason: str, now: str) -> State:
        if order.state in (State.CANCELLING, State.CANCELLED, State.DECLINED):
            return order.state
        operation = {State.PLACED: Operation.AUTHORISE, State.AUTHORISED: Operation.CAPTURE}.get(order.state)
        step = self.store.step(f"{order.order_id}:{operation}") if operation else None
        is_sent = step is not None and step.attempts > 0
        if order.state in (State.PAID, State.REVIEW) or (operation is Operation.CAPTURE and is_sent):
            raise OrderRefused("not_cancellable", f"The order is {order.state}: its money is taken. Refund it.")
        if step is not None and not is_sent:
            self.store.settle(step.key, "not sent")
        if operation is Operation.CAPTURE or is_sent:
            self.store.give(f"{order.order_id}:void", order, Operation.VOID, order.amount, "", now)
            self._move(order, State.CANCELLING, now, reason)
            return State.CANCELLING
        self._end(order, State.CANCELLED, now, reason)
        return State.CANCELLED

    def expire(self) -> int:
        """Cancel the orders that wait for an approval beyond their time; return their number."""
        with self._changing() as now:
            overdue = self.store.overdue(now)
            for order_id in overdue:
                self._end(self.store.order(order_id), State.CANCELLED, now, "expired")
            return len(overdue)

    def refund(self, order_id: str, request_key: str, units: Mapping[int, int]) -> Money:
        """Refund units of lines by what they have cost, and return the amount; the same for a repetition.

        Args:
            order_id: a paid order.
            request_key: the same for each repetition of one request, and for no other of the order.
            units: the number of units by the number of the line.

        Raises:
            OrderRefused: key reused with another content, order not paid, unknown line, more units than are left.
        """
        key, detail = f"{order_id}:refund:{request_key}", json.dumps(sorted(units.items()))
        with self._changing() as now:
            order = self.store.order(order_id)
            if (known := self.store.step(key)) is not None:
                if known.detail != detail:
                    raise OrderRefused("key_reused", "The key of the refund was used for another refund.")
                return known.amount
            if order.state is not State.PAID:
                raise OrderRefused("not_paid", f"The order is {order.state}: there is nothing to refund.")
            lines = {one.number: one for one in order.lines}
            if not units or units.keys() - lines.keys():
                raise OrderRefused("unknown_line", "The order has no such line.")
            amount = total((lines[one].refund_of(count) for one, count in units.items()), order.amount.currency)
            for one, count in units.items():
                self.store.add_refunded(order_id, one, count)
            self.store.give(key, order, Operation.REFUND, amount, detail, now)
            if not amount:
                self.store.settle(key, "accepted")
            return amount

    def work(self, most: int = 1_000) -> int:
        """Send the instructions that are due, one after the other; return how many were sent."""
        for sent in range(most):
            instruction = self._claim()
            if instruction is None:
                return sent
            self._send(instruction)
        return most

    def _claim(self) -> Instruction | None:
        """Return the next due instruction after counting the attempt; cancel orders that may not go on."""
        while True:
            with self._changing() as now:
                step = self.store.due(now)
                if step is None:
                    return None
                order = self.store.order(step.order_id)
                if step.operation in _FORWARD and step.attempts == 0 and (why := self._hindrance(order)):
                    self._cancel(order, why, now)
                    continue
                wait = min(self.rules.retry * 2 ** min(step.attempts, 20), self.rules.longest_retry)
                self.store.attempted(step.key, text_of(moment_of(now) + wait))
                return _instruction(step, order)

    def _hindrance(self, order: Order) -> str:
        if not self.rules.permits(order.customer_id):
            return "consent_withdrawn"
        return "" if order.is_approved else "amount_changed"

    def _send(self, instruction: Instruction) -> None:
        try:
            receipt = self.provider.perform(instruction)
        except ProviderUnavailable:
            return
        except ProviderRefused as error:
            self._review(instruction, str(error))
            return
        if receipt.answers(instruction):
            self.apply(receipt)
        else:
            self._review(instruction, "the receipt is about something else")

    def receive(self, headers: Mapping[str, str], body: bytes, secret: bytes) -> bool:
        """Apply a webhook, and return whether it was new; a message that arrives again changes nothing.

        Raises:
            WebhookRefused: unsigned, stale, replayed with another content, or no receipt.
            UnknownInstruction: it is about an instruction that was never given, or another amount.
        """
        with self._changing() as now:
            message = check_message(headers, body, secret, moment_of(now))
            if is_first(self.store.db, message, now):
                self._apply(message.receipt, now)
                return True
            return False

    def apply(self, receipt: Receipt) -> None:
        """Apply a receipt; one whose key has a receipt already changes nothing.

        Raises:
            UnknownInstruction: the instruction was never given, or is about another amount.
        """
        with self._changing() as now:
            self._apply(receipt, now)

    def _apply(self, receipt: Receipt, now: str) -> None:
        step = self.store.step(receipt.key)
        if step is None or not receipt.answers(_instruction(step)):
            raise UnknownInstruction("The receipt is about an instruction that was not given, or another amount.")
        if not self.store.is_first_receipt(receipt, now):
            return
        self.store.settle(step.key, "accepted" if receipt.is_accepted else "declined")
        order = self.store.order(receipt.order_id)
        _APPLY[receipt.operation](self, order, step, receipt, now)

    def _on_authorise(self, order: Order, _: Step, receipt: Receipt, now: str) -> None:
        if receipt.is_accepted:
            self.store.set_payment(order.order_id, receipt.payment_id)
        if order.state is State.PLACED and receipt.is_accepted:
            self._move(order, State.AUTHORISED, now)
            self.store.give(f"{order.order_id}:capture", order, Operation.CAPTURE, order.amount, "", now)
        elif order.state is State.PLACED:
            self._end(order, State.DECLINED, now, receipt.reason or "declined")
        elif not receipt.is_accepted:
            self.store.settle(f"{order.order_id}:void", "not sent")
            self._end(order, State.CANCELLED, now, order.reason)

    def _on_capture(self, order: Order, _: Step, receipt: Receipt, now: str) -> None:
        if receipt.is_accepted:
            self._move(order, State.PAID, now)
            self.store.post(receipt.key, order, {"provider": order.amount.minor, "sales": -order.amount.minor}, now)
        else:
            self.store.give(f"{order.order_id}:void", order, Operation.VOID, order.amount, "", now)
            self._move(order, State.CANCELLING, now, receipt.reason or "declined")

    def _on_void(self, order: Order, step: Step, receipt: Receipt, now: str) -> None:
        if receipt.is_accepted:
            self._end(order, State.CANCELLED, now, order.reason)
        else:
            self._move(order, State.REVIEW, now, f"{step.operation} was declined")

    def _on_refund(self, order: Order, step: Step, receipt: Receipt, now: str) -> None:
        if receipt.is_accepted:
            self.store.post(receipt.key, order, {"provider": -step.amount.minor, "sales": step.amount.minor}, now)
            self._record(order, "refunded", now, step.amount)
        else:
            for number, units in json.loads(step.detail):
                self.store.add_refunded(order.order_id, number, -units)
            self._record(order, "refund_declined", now, step.amount)

    def _review(self, instruction: Instruction, reason: str) -> None:
        with self._changing() as now:
            self.store.settle(instruction.key, "refused")
            self._move(self.store.order(instruction.order_id), State.REVIEW, now, reason)

    def _awaiting(self, order_id: str) -> Order:
        order = self.store.order(order_id)
        if order.state is not State.AWAITING_APPROVAL:
            raise OrderRefused("not_awaiting", f"The order is {order.state} and waits for no approval.")
        return order

    def _approved(self, order: Order, now: str) -> None:
        if order.expires_at < now:
            raise OrderRefused("expired", "The order has waited too long for its approval.")
        self._require_permission(order.customer_id)
        self.store.set_approved(order.order_id, order.amount)
        self._move(order, State.PLACED, now)
        self._authorise(order, now)

    def _authorise(self, order: Order, now: str) -> None:
        self.store.give(f"{order.order_id}:authorise", order, Operation.AUTHORISE, order.amount, "", now)

    def _require_permission(self, customer_id: str) -> None:
        if not self.rules.permits(customer_id):
            raise OrderRefused("consent_withdrawn", "The customer's data may not be used for an order.")

    def _end(self, order: Order, state: State, now: str, reason: str) -> None:
        self.store.return_stock(order.lines)
        if order.coupon:
            self.store.return_coupon(order.coupon)
        self._move(order, state, now, reason)

    def _move(self, order: Order, state: State, now: str, reason: str = "") -> None:
        self.store.set_state(order.order_id, state, reason)
        self._record(order, state, now)

    def _record(self, order: Order, event: str, now: str, amount: Money | None = None) -> None:
        of = amount or order.amount
        fact: dict[str, str | int] = {"event": event, "at": now, "minor": of.minor, "currency": of.currency}
        self.history.append(order.order_id, [fact])

    @contextmanager
    def _changing(self) -> Iterator[str]:
        with self.store.changing(self.clock()) as now:
            yield now
        self.history.moved()


_APPLY = {
    Operation.AUTHORISE: Saga._on_authorise,
    Operation.CAPTURE: Saga._on_capture,
    Operation.VOID: Saga._on_void,
    Operation.REFUND: Saga._on_refund,
}


def _instruction(step: Step, order: Order | None = None) -> Instruction:
    method, payment = (order.method, order.payment_id) if order else ("", "")
    return Instruction(step.key, step.operation, step.order_id, step.amount, method, payment)


def _fingerprint(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
