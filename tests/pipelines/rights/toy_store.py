"""An installation with a few customers, and stores of rows in JSON files that can fail, forget and be unreachable."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from installation.contract.document import Contracts, load_contracts
from installation.installation import Installation
from installation.settings import load_settings
from pipelines.rights.certification import Certification
from pipelines.rights.execution import CaseTools, Execution
from pipelines.rights.request_records import RequestRecords
from privacy.protection.scan.needle import Needle
from privacy.rights.certificate import Signer
from privacy.rights.request import Actor, Request, Right, Submission
from privacy.rights.service import RightsService
from privacy.rights.subject import Subject
from privacy.rights.subject_store import (
    CheckedPart,
    Correction,
    ExportedField,
    ExportedTable,
    Holding,
    Outcome,
    SubjectStore,
    Verification,
)
from privacy.rights.wording import Wording
from privacy.storage.atomic_file import replace_public

OFFICER = Actor(who="officer", role="privacy_officer", identity="authenticated")
NOW = datetime(2026, 2, 6, 3, 0, tzinfo=UTC)
CUSTOMERS = tuple(f"c_{number:08d}" for number in range(6))
_WORD = Wording("Toy", "장난감")


@dataclass
class ToyStore:
    """Rows of customers in one JSON file. `fault`: how it goes wrong; `stubborn`: customers whose rows stay."""

    file: Path
    name: str = "toy"
    after: tuple[str, ...] = ()
    fault: str = ""
    stubborn: set[str] = field(default_factory=set)
    rewrites: int = 0

    @property
    def paths(self) -> tuple[str, ...]:
        return (f"{self.file.name}",)

    def rows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.file.read_text())
        return found

    def find(self, subject: Subject) -> Sequence[Holding]:
        return [Holding("toy", len(self._of([subject])), _WORD, ("service_delivery",), _WORD, _WORD)]

    def export(self, subject: Subject) -> Iterator[ExportedTable]:
        if self.fault == "unreachable":
            raise ConnectionRefusedError(111, "Connection refused", "redis://secret@host")
        fields = tuple(ExportedField(name, _WORD, (), _WORD, _WORD) for name in ("customer", "value"))
        yield ExportedTable(self.name, _WORD, fields, tuple(self._of([subject])))

    def rectify(self, subject: Subject, correction: Correction) -> Outcome:
        if correction.source != self.name:
            return Outcome.not_applicable("Another source.")
        rows = [{**row, "value": correction.value} if row in self._of([subject]) else row for row in self.rows()]
        replace_public(self.file, json.dumps(rows))
        return Outcome.done({"rows": len(rows)})

    def restrict(self, subject: Subject, is_restricted: bool) -> Outcome:
        return Outcome.done()

    def erase(self, subjects: Sequence[Subject]) -> Outcome:
        if self.fault == "unreachable":
            raise ConnectionRefusedError(111, "Connection refused", "redis://secret@host")
        if self.fault == "leaky error":
            raise ValueError(f"cannot convert {subjects[0].needles[0].value}")
        if self.fault == "full disk":
            raise OSError(28, "No space left on device")
        gone = self._of(subjects)
        stuck = [row for row in gone if row["customer"] in self.stubborn]
        if stuck:
            return Outcome.failed("toy.json cannot be rewritten for one person.")
        if self.fault != "forgets to erase" and gone:
            self.rewrites += 1
            replace_public(self.file, json.dumps([row for row in self.rows() if row not in gone]))
        return Outcome.done({"rows_deleted": len(gone)})

    def verify(self, subjects: Sequence[Subject]) -> Verification:
        if self.fault == "cannot look":
            return Verification(unverifiable=("toy.json: no reader for its format",))
        content = self.file.read_bytes()
        part = CheckedPart(self.file.name, "1", sha256(content).hexdigest())
        return Verification((part,), ("toy.json, customer id",) * bool(self._of(subjects)))

    def _of(self, subjects: Sequence[Subject]) -> list[dict[str, Any]]:
        ids = {one for subject in subjects for one in subject.customer_ids}
        return [row for row in self.rows() if row["customer"] in ids]


@dataclass
class World:
    """An open installation, its stores, and a clock that moves a second at each look."""

    installation: Installation
    stores: list[ToyStore]
    suppressed: Path

    @property
    def service(self) -> RightsService:
        return self.installation.rights_service()

    @property
    def execution(self) -> Execution:
        folder = self.installation.settings.data_dir / "rights"
        records: SubjectStore = RequestRecords(self.service, folder)
        tools = CaseTools((*self.stores, records), self._find, self._suppress, self._write_answer)
        certification = Certification(
            self.service, Signer(bytes(32)), "Bojagi Mart", folder / "certificate", self.installation.clock
        )
        return Execution(self.service, tools, certification)

    def approved(self, right: str = "erasure", customer: str = CUSTOMERS[0], **fields: Any) -> Request:
        submission = Submission(right=Right(right), customer_id=customer, **fields)
        request = self.service.submit(submission, OFFICER).request
        self.service.verify_identity(request.id, "passport_seen", OFFICER)
        return self.service.approve(request.id, OFFICER)

    def _find(self, customer: str, reference: str) -> Subject:
        needles = (Needle("email", f"{customer}@example.com"),)
        return Subject(reference, (customer,), (f"toy:{customer}",), (("email", f"token-of-{customer}"),), (), needles)

    def _suppress(self, subjects: Sequence[Subject]) -> None:
        known = json.loads(self.suppressed.read_text()) if self.suppressed.exists() else []
        names = [sha256(one.encode()).hexdigest() for subject in subjects for one in subject.customer_ids]
        replace_public(self.suppressed, json.dumps(sorted({*known, *names})))

    def _write_answer(self, request: Request, subject: Subject, tables: Any) -> bytes:
        return json.dumps([[dict(row) for row in table.rows] for table in tables.get("toy", ())]).encode()


@cache
def _contracts() -> Contracts:
    return load_contracts(load_settings(None).contract_dirs)


def with_shared_contracts(installation: Installation) -> Installation:
    """Give an installation the built-in contracts, read once for all tests."""
    vars(installation)["contracts"] = _contracts()
    return installation


def open_world(folder: Path, stores: int = 1) -> World:
    """Open the world in a folder; make it, with two rows for each customer in each store, if it is not there yet."""
    ticks = iter(range(10_000_000))
    settings = load_settings(None, data_dir=folder / "data")
    installation = with_shared_contracts(Installation(settings, lambda: NOW + timedelta(seconds=next(ticks))))
    names = ["toy", *(f"toy_{number}" for number in range(1, stores))]
    files = [folder / f"{name}.json" for name in names]
    if not files[0].exists():
        for customer in CUSTOMERS:
            installation.consent_store.assign(f"p_{customer}", customer, datetime(2020, 1, 1))
        for file in files:
            rows = [{"customer": customer, "value": value} for customer in CUSTOMERS for value in (1, 2)]
            file.write_text(json.dumps(rows))
    return World(installation, [ToyStore(f, n) for f, n in zip(files, names, strict=True)], folder / "suppressed.json")
