"""Where `bojagi consent` takes a person's word: the store, the shop's clock, and what makes a record of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pipelines.cli.error_boundary import print_error
from pipelines.cli.exit_code import ExitCode
from pipelines.cli.option import installation_for

if TYPE_CHECKING:
    from installation.installation import Installation
    from privacy.consent.record import ConsentRecord
    from privacy.consent.state import State
    from privacy.consent.store import ConsentStore


@dataclass(frozen=True)
class Desk:
    """An open store and the settings of its shop."""

    installation: Installation
    store: ConsentStore

    def latest(self, subject: str, purpose: str) -> ConsentRecord | None:
        """The newest consent record of one source person about a purpose."""
        about = (purpose, self.installation.settings.controller, "consent")
        records = self.store.records_of([subject])
        held = [record for record in records if (record.purpose, record.controller, record.state.stream) == about]
        return max(held, key=lambda record: (record.effective_at, record.recorded_at), default=None)

    def append(
        self, subject: str, state: State | str, at: datetime | None, evidence: Path | None, fields: dict[str, Any],
        before: ConsentRecord | None,
    ) -> None:  # fmt: skip
        """Store one record and print its identifier."""
        from privacy.consent.record import ConsentRecord, new_record_id

        controller, recorded_at = self.installation.settings.controller, self.installation.shop_time()
        told = f"{subject}|{fields['purpose']}|{state}|{recorded_at.isoformat()}"
        proof = evidence.read_bytes() if evidence else told.encode()
        record = ConsentRecord.model_validate(
            {
                "record_id": new_record_id(), "subject_id": subject, "controller": controller,
                "state": state, "effective_at": at or self.installation.decision_moment(), "recorded_at": recorded_at,
                "evidence_hash": sha256(proof).hexdigest(), "supersedes": before.record_id if before else None,
                **fields,
            }
        )  # fmt: skip
        self.store.append([record])
        typer.echo(record.record_id)


@contextmanager
def opened(data: Path | None) -> Iterator[Desk]:
    """Open the desk; a record that cannot be ends the command with a line for each fault."""
    from pydantic import ValidationError

    with installation_for(data) as installation:
        try:
            yield Desk(installation, installation.consent_store)
        except ValidationError as error:
            for fault in error.errors():
                print_error(f"{'.'.join(map(str, fault['loc'])) or 'record'}: {fault['msg']}")
            raise typer.Exit(ExitCode.USAGE) from error
