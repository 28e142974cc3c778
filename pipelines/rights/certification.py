"""Collects what the stores did for a request, and issues its signed certificate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from importlib import metadata
from pathlib import Path

from privacy.rights.certificate import (
    CertifiedPart,
    CertifiedRetention,
    CertifiedStore,
    Signer,
    Statement,
    fingerprint,
)
from privacy.rights.certificate_pdf import render_certificate
from privacy.rights.errors import RequestStateError
from privacy.rights.request import Request, Right
from privacy.rights.service import RightsService
from privacy.rights.subject_store import Outcome, OutcomeKind, Verification
from privacy.storage.atomic_file import create_private_folder, private_draft, replace_private

PUBLIC_KEY_NAME = "certificate_key.pem"
"""File beside the folder of certificates with their public key, for publication."""


@dataclass(frozen=True)
class Certification:
    """Issues certificates into a folder.

    Attributes:
        service: the requests.
        signer: the controller's private key.
        controller: the controller's name.
        folder: receives `<request>.json` and `<request>.pdf`.
        clock: returns the time with its zone.
        publish: gives a written file to the other machines.
    """

    service: RightsService
    signer: Signer
    controller: str
    folder: Path
    clock: Callable[[], datetime]
    publish: Callable[[Path], None] = lambda _: None

    def issue(
        self, request: Request, steps: Mapping[str, Sequence[Outcome]], verified: Mapping[str, Verification]
    ) -> str:
        """Write the certificate of a request, and return the SHA-256 of its JSON file.

        `steps`: what every store did, also before a kill. `verified`: what was checked in it.

        A certificate that a killed execution wrote is replaced: only the one whose digest the history has counts.
        """
        statement = self._statement(request, steps, verified)
        pdf = render_certificate(statement, fingerprint(self.signer.public_key), self.folder.parent / "font")
        content = self.signer.sign(statement, pdf).to_bytes()
        create_private_folder(self.folder)
        replace_private(self.folder.parent / PUBLIC_KEY_NAME, self.signer.public_pem())
        with private_draft(self.path(request.id, "pdf")) as draft:
            draft.write_bytes(pdf)
        replace_private(self.path(request.id, "json"), content.decode())
        for kind in ("pdf", "json"):
            self.publish(self.path(request.id, kind))
        return sha256(content).hexdigest()

    def path(self, request_id: str, kind: str) -> Path:
        """Return the file of a request's certificate; `kind` is json or pdf."""
        return self.folder / f"{request_id}.{kind}"

    def _statement(
        self, request: Request, steps: Mapping[str, Sequence[Outcome]], verified: Mapping[str, Verification]
    ) -> Statement:
        if request.identity is None or request.decided_at is None:
            raise RequestStateError(f"Request {request.id} has no verified identity or no decision.")
        answer = self.service.log.store.unseal(request.id, "answer")
        return Statement(
            request=request.id,
            subject=request.subject,
            right=request.right,
            form=request.form,
            requester=request.requester,
            jurisdiction=request.jurisdiction,
            law=self.service.law(request).name.en,
            controller=self.controller,
            received_at=request.received_at,
            due_on=request.due_on.isoformat(),
            decided_at=request.decided_at,
            completed_at=self.clock(),
            identity_verified_by=request.identity.method,
            is_suppressed=request.right is Right.ERASURE,
            stores=tuple(_certified(name, outcomes, verified.get(name)) for name, outcomes in steps.items()),
            answer_sha256=None if answer is None else sha256(answer).hexdigest(),
            history=self.service.log.store.head(),
            software=f"bojagi {metadata.version('bojagi')}",
        )


def _certified(store: str, outcomes: Sequence[Outcome], verification: Verification | None) -> CertifiedStore:
    """Return what one store did over all steps; numbers add up, also over a kill and a later success."""
    ended = [outcome for outcome in outcomes if outcome.kind is not OutcomeKind.FAILED]
    counts = Counter[str]()
    for outcome in outcomes:
        counts.update(outcome.counts)
    reasons = dict.fromkeys(outcome.reason for outcome in ended if outcome.reason)
    retained = dict.fromkeys(kept for outcome in ended for kept in outcome.retained)
    return CertifiedStore(
        store=store,
        outcome="done" if any(outcome.kind is OutcomeKind.DONE for outcome in ended) else "not_applicable",
        reason=" ".join(reasons),
        counts=dict(sorted(counts.items())),
        checked=tuple(CertifiedPart(**asdict(part)) for part in (verification.checked if verification else ())),
        retained=tuple(CertifiedRetention(**asdict(kept)) for kept in retained),
        remaining=tuple(dict.fromkeys(text for outcome in ended for text in outcome.remaining)),
    )
