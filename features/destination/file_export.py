"""Writes the members of an audience into files for another program: all members, and those who left.

* Only members who permit the purpose of the audience and that of the destination, decided just before the files are
  written. Fewer than K members are no list.
* A contact that somebody else states as well is left out, unless this person permits the same: the receiver would
  reach both by it.
* A member who left, or who permits it no more, is in the next unsubscribe list by the identifiers that were written,
  and by no others.
* Each export is noted in `silver/disclosure` and in the audit log before a file is there.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from features.destination.contact import PURPOSE, Contact, ContactBook
from features.destination.delivery import DeliveryReport
from features.destination.disclosure import Disclosure
from features.destination.errors import DestinationError
from features.destination.member_list import HEADS, KINDS, hashed, write_list
from features.destination.sent_profile import SentProfile, SentProfiles, Status
from features.insight.audience.errors import AudienceError, TooSmallError, UnknownAudienceError
from features.insight.audience.service import Audiences
from features.insight.group_size import K
from features.retrieval.answer import Caller
from features.retrieval.customer_consent import CustomerConsent
from installation.destination_settings import DestinationSettings, FileSettings, Identifier
from installation.installation import Installation
from privacy.audit import AuditEntry, loggable

_OWN_ID = "customer_id"
_KEPT_DAYS = 30
"""Days after which an unsubscribe list is deleted: by then its receiver has taken it."""


@dataclass(frozen=True)
class _Known:
    """What a customer is written with: a keyed hash and a value for each identifier."""

    digests: tuple[str, ...]
    row: tuple[str, ...]

    @property
    def text(self) -> str:
        return " ".join(self.digests)


class FileExport:
    """Writes the lists of one destination. `by` is who asked for it; None if a schedule did."""

    def __init__(
        self, installation: Installation, name: str, settings: DestinationSettings, by: Caller | None = None
    ) -> None:
        assert settings.file is not None
        assert settings.audience is not None
        self._installation, self._name, self._settings, self._by = installation, name, settings, by
        self._file: FileSettings = settings.file
        self._audience: str = settings.audience
        self._sent = SentProfiles(installation.lakehouse, name)
        self._contacts = ContactBook(installation, f"destination {name}")

    def send(self) -> DeliveryReport:
        """Write both lists.

        Raises:
            AccessRefused: the role of the destination, or the caller, may not have this audience for the purpose.
            ConsentError: who permits the purpose is unknown.
            DestinationError: the settings are wrong. An audience that is missing or refused is a `fault` of the report.
            AuditError: the export cannot be logged; nothing is written.
        """
        now = self._installation.clock()
        self._require_settings()
        known = {customer: row for customer, row in self._sent.all().items() if row.is_held}
        with closing(CustomerConsent(self._installation)) as consent:
            members, selected_for, fault = self._members(known)
            found = self._identified(members, selected_for, consent)
            consent.refresh()
            permitting = self._permitting(found, selected_for, consent)
        kept = {customer: row for customer, row in found.items() if customer in permitting}
        if len(kept) < K:
            kept = {}
        gone, lost = self._gone(known, kept)
        self._note(now, kept)
        # In this order, a process that ends in between has named too many leavers, and never forgets one.
        self._unsubscribe(now, gone)
        self._sent.save(self._outcomes(now, known, kept))
        rows = sorted({one.row for one in kept.values()})
        write_list(self._members_file, self._file.format, HEADS[self._file.identifiers], rows)
        changed = sum(customer not in known or known[customer].sent_hash != one.text for customer, one in kept.items())
        return DeliveryReport(
            self._name, changed=changed, removed=len(known.keys() - kept.keys()), dead=lost,
            unchanged=len(kept) - changed, left_out=len(members) - len(kept), fault=fault,
        )  # fmt: skip

    def remove(self, customers: Sequence[str]) -> DeliveryReport:
        """Write an unsubscribe list of these customers, and delete the list of members, which the next export writes.

        Nothing is noted: the erasure of the tables deletes what the destination was known to have.
        """
        known = {one: row for one, row in self._sent.all().items() if row.is_held}
        named = {one: row for one, row in known.items() if one in customers}
        if not named:
            return DeliveryReport(self._name)
        staying = {digest for one, row in known.items() if one not in named for digest in _digests(row)}
        rows, lost = self._rows_of({digest for row in named.values() for digest in _digests(row)} - staying)
        self._unsubscribe(self._installation.clock(), rows)
        self._members_file.unlink(missing_ok=True)
        return DeliveryReport(self._name, removed=len(named), dead=lost)

    @property
    def _members_file(self) -> Path:
        return self._file.folder / f"{self._name}_members.{self._file.format}"

    def _require_settings(self) -> None:
        settings, roles = self._settings, self._installation.roles
        if self._file.folder.resolve().is_relative_to(self._installation.settings.data_dir.resolve()):
            raise DestinationError(
                f"{self._name}: its folder is in data_dir, where no list of members may stay; move it."
            )
        if settings.purpose not in roles[settings.role].purposes:
            raise DestinationError(
                f"{self._name}: the role {settings.role} has not the purpose {settings.purpose}; name another role."
            )
        if self._file.identifiers is not Identifier.CUSTOMER_ID and settings.purpose != PURPOSE:
            raise DestinationError(
                f"{self._name}: hashed contacts leave for the purpose {PURPOSE} only; state it as the purpose."
            )

    def _members(self, known: Collection[str]) -> tuple[list[str], str, str]:
        """Return the members of the audience, the purpose for which they are selected, and why they are not the newest.

        Too few members are none, as are those of an audience that was deleted. If the audience is refused, they are
        those whom the receiver has already: nobody enters, and who withdraws leaves all the same.
        """
        audiences = Audiences(self._installation)
        try:
            audience = audiences.store.read(self._audience)
        except UnknownAudienceError as error:
            return [], self._settings.purpose, str(error)
        try:
            if self._by is not None:
                audiences.contracted.require_access(audiences.bound(audience), self._by)
            caller = Caller(f"destination {self._name}", self._settings.role)
            return audiences.members(self._audience, caller), audience.purpose, ""
        except TooSmallError:
            return [], audience.purpose, ""
        except AudienceError as error:
            return sorted(known), audience.purpose, str(error)

    def _identified(self, members: Collection[str], selected_for: str, consent: CustomerConsent) -> dict[str, _Known]:
        """Return what each member is written with; members without an identifier are left out."""
        if self._file.identifiers is Identifier.CUSTOMER_ID:
            return {one: _Known((self._digest(Contact(_OWN_ID, one)),), (one,)) for one in members}
        current = self._contacts.current(self._permitting(members, selected_for, consent))
        owners = self._contacts.owners
        others = {one for contacts in current.values() for contact in contacts for one in owners[contact]}
        permitting = self._permitting([one for one in others if one is not None], selected_for, consent)
        usable = {
            customer: [one for one in contacts if owners[one] <= permitting] for customer, contacts in current.items()
        }
        clear = self._contacts.opened({one for contacts in usable.values() for one in contacts})
        found = {customer: [one for one in contacts if one in clear] for customer, contacts in usable.items()}
        return {
            customer: _Known(tuple(map(self._digest, contacts)), self._row({one: clear[one] for one in contacts}))
            for customer, contacts in found.items() if contacts
        }  # fmt: skip

    def _permitting(self, customers: Collection[str], selected_for: str, consent: CustomerConsent) -> set[str]:
        """Return the customers who permit the purpose of the audience and that of the destination."""
        names, moment = list(customers), self._installation.decision_moment()
        denials = [consent.denials(names, one, moment) for one in (selected_for, self._settings.purpose)]
        return {name for name, *said in zip(names, *denials, strict=True) if said == [None, None]}

    def _row(self, clear: Mapping[Contact, str]) -> tuple[str, ...]:
        by_kind = {one.kind: hashed(self._file.identifiers, one.kind, value) for one, value in clear.items()}
        return tuple(by_kind.get(kind, "") for kind in KINDS)

    def _gone(self, known: Mapping[str, SentProfile], kept: Mapping[str, _Known]) -> tuple[list[tuple[str, ...]], int]:
        """Return rows of the identifiers that the receiver has and should not have any more, and how many are lost."""
        staying = {digest for one in kept.values() for digest in one.digests}
        return self._rows_of({digest for row in known.values() for digest in _digests(row)} - staying)

    def _rows_of(self, wanted: Collection[str]) -> tuple[list[tuple[str, ...]], int]:
        if self._file.identifiers is Identifier.CUSTOMER_ID:
            named = {self._digest(Contact(_OWN_ID, one)): one for one in self._sent.all()}
            return sorted((named[one],) for one in wanted), 0
        contacts = {one for one in self._contacts.owners if self._digest(one) in wanted} if wanted else set()
        clear = self._contacts.opened(contacts)
        return sorted(self._row({one: value}) for one, value in clear.items()), len(wanted) - len(clear)

    def _note(self, now: datetime, kept: Collection[str]) -> None:
        """Write the disclosure and the entry in the audit log."""
        settings, caller = self._settings, self._by or Caller(f"destination {self._name}", self._settings.role)
        entry = AuditEntry(
            at=now, who=loggable(caller.name, 100), role=loggable(caller.role, 100), purpose=settings.purpose,
            action="export", table=f"destination/{self._name}", columns=(self._content,), subjects=len(kept),
            outcome="allowed", identity=caller.identity,
        )  # fmt: skip
        self._installation.audit_log.append(entry)
        disclosure = Disclosure(self._name, settings.purpose, self._audience, self._content, now)
        disclosure.note(self._installation.lakehouse, kept)

    @property
    def _content(self) -> str:
        is_own = self._file.identifiers is Identifier.CUSTOMER_ID
        return _OWN_ID if is_own else ", ".join(f"SHA-256 of {kind}" for kind in KINDS)

    def _unsubscribe(self, now: datetime, rows: Sequence[tuple[str, ...]]) -> None:
        moment = now.astimezone(UTC)
        for old in self._file.folder.glob(f"{self._name}_unsubscribe_*.{self._file.format}"):
            if moment.timestamp() - old.stat().st_mtime > _KEPT_DAYS * 86_400:
                old.unlink(missing_ok=True)
        if rows:
            path = self._file.folder / f"{self._name}_unsubscribe_{moment:%Y%m%dT%H%M%S%f}.{self._file.format}"
            write_list(path, self._file.format, HEADS[self._file.identifiers], rows)

    def _outcomes(
        self, now: datetime, known: Mapping[str, SentProfile], kept: Mapping[str, _Known]
    ) -> list[SentProfile]:
        at = now.astimezone(UTC).replace(tzinfo=None)
        written = [
            SentProfile(self._name, one, Status.SENT, found.text, None, 0, at)
            for one, found in kept.items() if one not in known or known[one].sent_hash != found.text
        ]  # fmt: skip
        left = [SentProfile(self._name, one, Status.REMOVED, None, None, 0, at) for one in known if one not in kept]
        return [*written, *left]

    def _digest(self, one: Contact) -> str:
        text = "\0".join((self._name, one.kind, one.token))
        return hmac.new(self._installation.protection.record_hash_key, text.encode(), hashlib.sha256).hexdigest()[:32]


def _digests(row: SentProfile) -> list[str]:
    return (row.sent_hash or "").split()
