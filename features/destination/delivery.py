"""Sends the changes of a table about customers, or of the members of an audience, to a destination.

Each call compares the table with what the destination knows, so nothing has to be queued: a change that was not taken
is found again by the next call, with the newest values, and values are never stored for sending.

* Only customers who permit the purpose are sent. It is decided when the rows are read, and again before each part is
  sent. A customer who permits it no more, whose profile is gone, or who left the audience, is sent as a removal.
* Every change is sent at least once: it counts as sent when the destination has taken it. A process that is killed in
  between sends it again, with the same id.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from features.destination.channel import Channel, Reply
from features.destination.disclosure import Disclosure
from features.destination.errors import ChannelDown, DestinationError
from features.destination.event import ChangeEvent, EventType, values_json
from features.destination.sent_profile import SentProfile, SentProfiles, Status
from features.insight.audience.errors import AudienceError, AudienceRefused, TooSmallError
from features.insight.audience.service import Audiences
from features.retrieval.answer import Caller
from features.retrieval.customer_consent import CustomerConsent
from installation.destination_settings import DestinationSettings
from installation.installation import Installation
from privacy.access.reader import CUSTOMER
from privacy.access.table_part import CUSTOMER_KEY

PART = 500
"""Events between two looks at the consent record, and between two commits of what was taken."""
MOST_ATTEMPTS = 5
"""Calls in which a change may fail before it is set aside. A removal is never set aside."""
MOST_GONE_PERCENT = 20.0
"""Most profiles of a destination that may be gone from the table at once: more are probably a damaged table."""
LEAST_GONE = 10
_AS_OF = "as_of"
_COUNTED = {Status.SENT: "changed", Status.REMOVED: "removed", Status.FAILED: "failed", Status.DEAD: "dead"}


@dataclass(frozen=True)
class DeliveryReport:
    """What one call has done. `fault` is why it stopped early; empty if it did not.

    `left_out`: members whom an export left out, because they do not permit its purpose or have no contact of their own.
    `dead` counts, in an export, identifiers that the receiver has and that no list can name: they are stored no more.
    """

    destination: str
    changed: int = 0
    removed: int = 0
    failed: int = 0
    dead: int = 0
    unchanged: int = 0
    left_out: int = 0
    fault: str = ""


class Delivery:
    """Sends the changes to one destination."""

    def __init__(self, installation: Installation, name: str, settings: DestinationSettings, channel: Channel) -> None:
        self.installation = installation
        self.name = name
        self.settings = settings
        self.channel = channel
        self._sent = SentProfiles(installation.lakehouse, name)
        self._report = DeliveryReport(name)

    def send(self, *, accepts_gone: bool = False) -> DeliveryReport:
        """Send every change since the last call. `accepts_gone`: also if most profiles are gone from the table.

        Raises:
            AccessRefused: the role may not read the columns for the purpose.
            ConsentError: who permits the purpose is unknown.
            DestinationError: the table does not have one row a customer, too many profiles are gone, or there is no
            such audience. If the audience is refused, the report has it as `fault`.
        """
        with closing(CustomerConsent(self.installation)) as consent:
            known = self._sent.all()
            held = [customer for customer, row in known.items() if row.is_held]
            every = None if self.settings.table is None else self._profiles(self.settings.table)
            profiles = self._of_audience(every, held, consent)
            if every is not None and not accepts_gone:
                self._check_gone([customer for customer in held if customer not in every], len(held), consent)
            gone = [customer for customer in held if customer not in profiles]
            events = [self._removal(known[customer]) for customer in gone]
            events += [
                event for one, values in profiles.items() if (event := self._change(one, values, known.get(one)))
            ]
            self._count(unchanged=len(profiles) + len(gone) - len(events))
            try:
                for part in (events[start : start + PART] for start in range(0, len(events), PART)):
                    self._send_part(part, known, consent)
            except ChannelDown as error:
                self._report = replace(self._report, fault=str(error))
        return self._report

    def remove(self, customers: Sequence[str]) -> DeliveryReport:
        """Tell the destination to delete these customers, if it knows them, as an erasure must (GDPR art. 19).

        Nothing is written: the erasure of the tables deletes what the destination was known to have.
        """
        known = self._sent.all()
        events = [self._removal(known[one]) for one in customers if one in known and known[one].is_held]
        replies: list[Reply] = []
        try:
            self._collect(events, replies)
        except ChannelDown as error:
            self._report = replace(self._report, fault=str(error))
        taken = sum(reply is Reply.TAKEN for reply in replies)
        return replace(self._report, removed=taken, failed=len(events) - taken)

    def _profiles(self, table: str) -> dict[str, dict[str, Any]]:
        """Return the newest values of each customer who permits the purpose now. The read is logged."""
        settings = self.settings
        document = self.installation.contracts.table(table)
        has_days = _AS_OF in document.primary_key
        if set(document.primary_key) - {_AS_OF} != {document.subject_key}:
            reason = f"{table} has not one row a customer: its key is {', '.join(document.primary_key)}"
            raise DestinationError(f"{self.name}: {reason}. Name another table.")
        wanted = [*settings.columns, *([_AS_OF] if has_days and _AS_OF not in settings.columns else [])]
        reader = self.installation.table_reader(f"destination {self.name}")
        read = reader.read(table, settings.role, settings.purpose, wanted, with_customer=True)
        if read.plan.is_pseudonymised:
            reason = f"the role {settings.role} sees pseudonyms, which a removal cannot name"
            raise DestinationError(f"{self.name}: {reason}; name a role that sees identifiers as stored.")
        rows = read.frame.to_pylist()
        if has_days:
            rows.sort(key=lambda row: (row[_AS_OF] is not None, row[_AS_OF]))
        shown = [name for name in read.plan.columns if name != _AS_OF or name in settings.columns]
        return {row[CUSTOMER]: {name: row[name] for name in shown} for row in rows if row[CUSTOMER] is not None}

    def _of_audience(
        self, profiles: dict[str, dict[str, Any]] | None, held: Sequence[str], consent: CustomerConsent
    ) -> dict[str, dict[str, Any]]:
        """Return the profiles of the members of the destination's audience; none if it has fewer than K members.

        Without an audience, they are all profiles; without profiles, each member has an empty one. If the audience is
        refused, its members are the customers that the destination has (`held`) and who permit the purpose: nobody
        enters, and who withdraws leaves all the same.
        """
        name, audiences = self.settings.audience, Audiences(self.installation)
        if name is None:
            return profiles or {}
        try:
            purpose = audiences.store.read(name).purpose
            if profiles is None and purpose != self.settings.purpose:
                raise DestinationError(f"{self.name}: the audience {name} serves {purpose}; state it as the purpose.")
            members = audiences.members(name, Caller(f"destination {self.name}", self.settings.role))
        except TooSmallError:
            return {}
        except AudienceRefused as error:
            self._report = replace(self._report, fault=str(error))
            denials = consent.denials(held, self.settings.purpose, self.installation.decision_moment())
            members = [one for one, denial in zip(held, denials, strict=True) if denial is None]
        except AudienceError as error:
            raise DestinationError(f"{self.name}: {error}") from error
        if profiles is None:
            return {one: {} for one in members}
        return {one: profiles[one] for one in members if one in profiles}

    def _check_gone(self, gone: Sequence[str], total: int, consent: CustomerConsent) -> None:
        """Refuse to remove most profiles when their customers still permit the purpose."""
        denials = consent.denials(gone, self.settings.purpose, self.installation.decision_moment())
        lost = sum(denial is None for denial in denials)
        if lost > max(LEAST_GONE, total * MOST_GONE_PERCENT / 100):
            raise DestinationError(
                f"{self.name}: {lost:,} of {total:,} customers permit the purpose and have no profile in "
                f"{self.settings.table} any more. Nothing was sent. Run `bojagi run`; if they are meant to be removed, "
                "send with --accept-gone."
            )

    def _change(self, customer: str, values: Mapping[str, Any], known: SentProfile | None) -> ChangeEvent | None:
        """Return the event of a customer's values; None if the destination has them or has refused them."""
        digest = self._keyed(values_json(values))
        if known is not None:
            is_dead = known.status is Status.DEAD and known.tried_hash == digest
            if is_dead or (known.sent_hash == digest and known.status is Status.SENT):
                return None
        kind = EventType.ENTERED if self.settings.table is None else EventType.CHANGED
        return ChangeEvent(self._id(customer, digest, known), kind, customer, digest, values)

    def _removal(self, known: SentProfile) -> ChangeEvent:
        kind = EventType.LEFT if self.settings.table is None else EventType.REMOVED
        return ChangeEvent(self._id(known.customer_id, "", known), kind, known.customer_id, None)

    def _send_part(
        self, events: Sequence[ChangeEvent], known: Mapping[str, SentProfile], consent: CustomerConsent
    ) -> None:
        """Send events of those who still permit the purpose; others who are known to the destination are removed."""
        changes = [event.customer_id for event in events if event.digest is not None]
        consent.refresh()
        denials = consent.denials(changes, self.settings.purpose, self.installation.decision_moment())
        denied = {one for one, denial in zip(changes, denials, strict=True) if denial is not None}
        kept = [event for event in events if event.customer_id not in denied]
        kept += [self._removal(known[one]) for one in denied if one in known and known[one].is_held]
        self._send_all(kept, known)

    def _send_all(self, events: Sequence[ChangeEvent], known: Mapping[str, SentProfile]) -> None:
        """Send events and note the replies, also when the channel breaks down in between."""
        replies: list[Reply] = []
        try:
            self._collect(events, replies)
        finally:
            answered = zip(events, replies, strict=False)
            noted = [self._outcome(event, reply, known.get(event.customer_id)) for event, reply in answered]
            taken = [one.customer_id for one in noted if one.status is Status.SENT]
            self._disclosure.note(self.installation.lakehouse, taken)
            self._sent.save(noted)
            for status, name in _COUNTED.items():
                self._count(**{name: sum(one.status is status for one in noted)})

    @property
    def _disclosure(self) -> Disclosure:
        settings = self.settings
        content = ", ".join(settings.columns) or CUSTOMER_KEY
        return Disclosure(self.name, settings.purpose, settings.audience, content, self.installation.clock())

    def _collect(self, events: Sequence[ChangeEvent], replies: list[Reply]) -> None:
        """Send events and add the replies to the list, which has those before a break-down of the channel."""
        for reply in self.channel.send(events):
            replies.append(reply)  # noqa: PERF402  a list that is extended need not keep them

    def _outcome(self, event: ChangeEvent, reply: Reply, known: SentProfile | None) -> SentProfile:
        now = self.installation.clock().astimezone(datetime.UTC).replace(tzinfo=None)
        if reply is Reply.TAKEN:
            status = Status.REMOVED if event.digest is None else Status.SENT
            return SentProfile(self.name, event.customer_id, status, event.digest, None, 0, now)
        is_again = known is not None and known.status is Status.FAILED and known.tried_hash == event.digest
        attempts = 1 + (known.attempts if known is not None and is_again else 0)
        is_dead = event.digest is not None and (reply is Reply.REFUSED or attempts >= MOST_ATTEMPTS)
        status = Status.DEAD if is_dead else Status.FAILED
        sent_hash = None if known is None else known.sent_hash
        # The time stays, because the id of the event depends on it.
        changed_at = None if known is None else known.changed_at
        return SentProfile(self.name, event.customer_id, status, sent_hash, event.digest, attempts, changed_at)

    def _id(self, customer: str, digest: str, known: SentProfile | None) -> str:
        """Return the id of a change: the same when it is sent again, another one when the same values come back."""
        since = "" if known is None or known.changed_at is None else known.changed_at.isoformat()
        return f"evt_{self._keyed(chr(0).join((self.name, customer, digest, since)))}"

    def _keyed(self, text: str) -> str:
        return hmac.new(self.installation.protection.record_hash_key, text.encode(), hashlib.sha256).hexdigest()[:32]

    def _count(self, **counts: int) -> None:
        self._report = replace(self._report, **{name: getattr(self._report, name) + n for name, n in counts.items()})


def retry_dead(installation: Installation, name: str) -> int:
    """Let the next call send what was set aside for a destination; return how many changes."""
    sent = SentProfiles(installation.lakehouse, name)
    dead = [one for one in sent.all().values() if one.status is Status.DEAD]
    sent.save([replace(one, status=Status.FAILED, attempts=0) for one in dead])
    return len(dead)
