"""Keeps which alerts hold and what each channel still has to be sent: each change once, repeated until it arrives.

    a fault appears         → "firing" is due for every channel
    it holds for `repeat`   → "firing" is due again
    it ends                 → "resolved" is due for the channels that have got "firing"
    a channel fails         → the same message is due again after 1, 2, 4, … at most 60 minutes

Several processes and machines may look at the same time. What one of them takes to send is leased to it, so that no
other sends it as well. If it is killed, another one sends the message again after the lease, with the same identifier.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from pipelines.operation.alert import PART_OF, Alert, AlertKind
from privacy.storage.document_store import DocumentStore

NAME = "alerts.json"
LEASE = timedelta(minutes=2)
"""How long one process may take to send to all channels."""
FIRST_DELAY, LONGEST_DELAY = timedelta(minutes=1), timedelta(hours=1)
GIVE_UP = timedelta(days=1)
"""After so long, the end of an alert is no longer sent to a channel that fails."""
Event = Literal["firing", "resolved"]


class Delivery(BaseModel):
    """One message to one channel.

    `due_at` is None once it has arrived. `firing_arrived` says if any "firing" of this alert may have. `is_taken` says
    that a process sends it. `is_unsure` says that a process was killed while it did: whether it has arrived is unknown.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    event: Event
    id: str
    due_at: AwareDatetime | None
    attempts: int = 0
    sent_at: AwareDatetime | None = None
    firing_arrived: bool = False
    is_taken: bool = False
    is_unsure: bool = False


class Kept(BaseModel):
    """An alert that holds, or has ended (`ended_at`) while a channel does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: AlertKind
    about: str
    summary: str
    since: AwareDatetime
    ended_at: AwareDatetime | None = None
    deliveries: dict[str, Delivery] = {}

    @property
    def alert(self) -> Alert:
        """The alert."""
        return Alert(self.kind, self.about, self.summary)


class Book(BaseModel):
    """All alerts that hold or are still to be reported, by key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alerts: dict[str, Kept] = {}


class Message(BaseModel):
    """What one channel is sent at once. `id` is the same for each attempt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    channel: str
    firing: tuple[Kept, ...]
    resolved: tuple[Kept, ...]


class AlertBook:
    """The book in a store of documents, which several machines may share."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    def read(self) -> Book:
        """Return the book. One that cannot be read is empty: its alerts are then sent again."""
        content = self._documents.read(NAME)
        try:
            return Book() if content is None else Book.model_validate_json(content)
        except ValidationError:
            return Book()

    def take(
        self, alerts: Sequence[Alert], channels: Collection[str], unobserved: Collection[str], now: datetime,
        repeat: timedelta,
    ) -> list[Message]:  # fmt: skip
        """Note the alerts that hold now, and return the messages that are due. Report each by `settle`."""
        with self._documents.alone():
            book = noted(self.read(), alerts, channels, unobserved, now, repeat)
            due = {
                channel: [key for key, kept in book.alerts.items() if _is_due(kept.deliveries.get(channel), now)]
                for channel in channels
            }
            messages = [_message(channel, [book.alerts[key] for key in keys]) for channel, keys in due.items() if keys]
            for channel, keys in due.items():
                for key in keys:
                    taken = book.alerts[key].deliveries[channel]
                    # A process that was killed may have sent it.
                    unsure = taken.is_taken or taken.is_unsure
                    book = _changed(
                        book, key, channel, due_at=now + LEASE, is_taken=True, is_unsure=unsure,
                        firing_arrived=taken.firing_arrived or unsure,
                    )  # fmt: skip
            self._write(book)
        return messages

    def settle(self, message: Message, now: datetime, *, arrived: bool) -> None:
        """Note whether a message has arrived."""
        with self._documents.alone():
            book = self.read()
            for sent in (*message.firing, *message.resolved):
                key = sent.alert.key
                kept = book.alerts.get(key)
                delivery = kept.deliveries.get(message.channel) if kept else None
                # Another message is due by now, such as the end of the alert.
                if delivery is None or delivery.id != sent.deliveries[message.channel].id:
                    continue
                has_fired = delivery.firing_arrived or (arrived and delivery.event == "firing")
                delay = min(FIRST_DELAY * 2 ** min(delivery.attempts, 10), LONGEST_DELAY)
                book = _changed(
                    book, key, message.channel, is_taken=False, due_at=None if arrived else now + delay,
                    sent_at=now, attempts=delivery.attempts + (not arrived), firing_arrived=has_fired,
                )  # fmt: skip
            self._write(_without_finished(book))

    def _write(self, book: Book) -> None:
        self._documents.write(NAME, book.model_dump_json().encode())


def noted(
    book: Book, alerts: Sequence[Alert], channels: Collection[str], unobserved: Collection[str], now: datetime,
    repeat: timedelta,
) -> Book:  # fmt: skip
    """Return the book after a look: with new alerts, ended ones, and what is due for each channel."""
    holding, found = {alert.key: alert for alert in alerts}, dict[str, Kept]()
    for key in sorted({*book.alerts, *holding}):
        kept, alert = book.alerts.get(key), holding.get(key)
        if alert is None and kept is not None and PART_OF[kept.kind] in unobserved and kept.ended_at is None:
            alert = kept.alert
        if alert is not None:
            is_new = kept is None or kept.ended_at is not None
            since = now if kept is None or is_new else kept.since
            former = {} if kept is None else kept.deliveries
            found[key] = Kept(
                kind=alert.kind, about=alert.about, summary=alert.summary, since=since,
                deliveries={c: _firing(former.get(c), now, repeat, is_new=is_new) for c in channels},
            )  # fmt: skip
        elif kept is not None:
            ended = kept.ended_at or now
            deliveries = {c: _resolved(kept.deliveries.get(c), ended, now) for c in channels}
            known = {channel: delivery for channel, delivery in deliveries.items() if delivery is not None}
            found[key] = kept.model_copy(update={"ended_at": ended, "deliveries": known})
    return _without_finished(Book(alerts=found))


def _firing(former: Delivery | None, now: datetime, repeat: timedelta, *, is_new: bool) -> Delivery:
    made = Delivery(event="firing", id=secrets.token_hex(12), due_at=now)
    if former is None:
        return made
    if not is_new and former.event == "firing":
        is_repeated = former.due_at is None and former.sent_at is not None and now - former.sent_at >= repeat
        return made.model_copy(update={"firing_arrived": True}) if is_repeated else former
    unsure = former.is_taken or former.is_unsure
    if former.event == "resolved" and former.due_at is not None and not unsure:
        # The channel has not heard of the end, which is over again.
        return made.model_copy(update={"due_at": None, "sent_at": now, "firing_arrived": True})
    # If a process was killed while it sent the end, the channel may still count on the alert.
    return made.model_copy(update={"firing_arrived": unsure})


def _resolved(former: Delivery | None, ended: datetime, now: datetime) -> Delivery | None:
    """Return the message about the end; None for a channel that has never heard of the alert, or that fails for ever.

    A "firing" that is being sent now may arrive: it counts, too.
    """
    if former is None:
        return None
    if former.event == "resolved":
        return None if former.due_at is not None and now - ended > GIVE_UP else former
    if not former.firing_arrived and not former.is_taken:
        return None
    return Delivery(event="resolved", id=secrets.token_hex(12), due_at=now, firing_arrived=True)


def _is_due(delivery: Delivery | None, now: datetime) -> bool:
    return delivery is not None and delivery.due_at is not None and delivery.due_at <= now


def _message(channel: str, kept: Sequence[Kept]) -> Message:
    ids = sorted(one.deliveries[channel].id for one in kept)
    digest = hashlib.sha256(" ".join((channel, *ids)).encode()).hexdigest()
    return Message(
        id=f"msg_{digest[:24]}",
        channel=channel,
        firing=tuple(one for one in kept if one.deliveries[channel].event == "firing"),
        resolved=tuple(one for one in kept if one.deliveries[channel].event == "resolved"),
    )


def _changed(book: Book, key: str, channel: str, **changes: object) -> Book:
    kept = book.alerts[key]
    delivery = kept.deliveries[channel].model_copy(update=changes)
    changed = kept.model_copy(update={"deliveries": {**kept.deliveries, channel: delivery}})
    return Book(alerts={**book.alerts, key: changed})


def _without_finished(book: Book) -> Book:
    def is_finished(kept: Kept) -> bool:
        return kept.ended_at is not None and all(one.due_at is None for one in kept.deliveries.values())

    return Book(alerts={key: kept for key, kept in book.alerts.items() if not is_finished(kept)})
