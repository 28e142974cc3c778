"""Certificates: every change of the JSON, the PDF or the key is found, and nothing personal is in them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from privacy.rights.certificate import CertifiedPart, CertifiedRetention, CertifiedStore, Signer, Statement, verify
from privacy.rights.certificate_pdf import render_certificate
from privacy.rights.errors import CertificateError
from privacy.rights.request import Right
from privacy.rights.subject import ErasureForm

NOW = datetime(2026, 2, 6, 3, 0, tzinfo=UTC)
SIGNER, STRANGER = Signer(bytes(32)), Signer(b"\1" * 32)
STATEMENT = Statement(
    request=f"q_{'0' * 32}", subject="s_1", right=Right.ERASURE, form=ErasureForm.DELETE, requester="self",
    jurisdiction="KR", law="PIPA", controller="보자기마트", received_at=NOW, due_on="2026-02-19", decided_at=NOW,
    completed_at=NOW, identity_verified_by="passport_seen", is_suppressed=True, history="7 abc", software="bojagi 0",
    stores=(
        CertifiedStore(
            store="lakehouse", outcome="done", counts={"rows_deleted": 12},
            checked=(CertifiedPart(part="silver/customer", version="8", sha256="0" * 64),),
            retained=(CertifiedRetention(part="bronze/order", fields=("name",), article="art. 6", until="2030-01-01"),),
            remaining=("The backup of January holds pseudonymous rows until 2026-05-01.",),
        ),
    ),
)  # fmt: skip
PDF = b"%PDF of the statement"
CONTENT = SIGNER.sign(STATEMENT, PDF).to_bytes()


def test_a_certificate_is_accepted_under_the_key_that_signed_it() -> None:
    assert verify(CONTENT, SIGNER.public_key, PDF).signed.statement == STATEMENT


def test_every_changed_character_of_a_certificate_is_found() -> None:
    for place in range(len(CONTENT)):
        changed = bytearray(CONTENT)
        changed[place] = changed[place] ^ 1
        with pytest.raises(CertificateError):
            verify(bytes(changed), SIGNER.public_key)


def test_a_certificate_of_another_key_is_refused_although_its_signature_is_right() -> None:
    forged = STRANGER.sign(STATEMENT, PDF).to_bytes()
    assert verify(forged, STRANGER.public_key)
    with pytest.raises(CertificateError, match="signed with the key"):
        verify(forged, SIGNER.public_key)
    claims_the_right_key = json.loads(forged) | {"public_key": SIGNER.public_key.hex()}
    content = (json.dumps(claims_the_right_key, ensure_ascii=False, sort_keys=True, indent=1) + "\n").encode()
    with pytest.raises(CertificateError, match="changed after it was signed"):
        verify(content, SIGNER.public_key)


def test_a_second_statement_hidden_before_the_signed_one_is_refused() -> None:
    doubled = CONTENT.replace(b'"statement":', b'"statement": {"right": "access"}, "statement":', 1)
    with pytest.raises(CertificateError):
        verify(doubled, SIGNER.public_key)


def test_another_pdf_is_refused() -> None:
    with pytest.raises(CertificateError, match="PDF"):
        verify(CONTENT, SIGNER.public_key, b"%PDF that says something else")


def test_the_pdf_is_the_same_for_the_same_statement(tmp_path: Path) -> None:
    first = render_certificate(STATEMENT, "aaaa", tmp_path)
    assert first.startswith(b"%PDF")
    assert render_certificate(STATEMENT, "aaaa", tmp_path) == first
    assert render_certificate(STATEMENT.model_copy(update={"controller": "Other"}), "aaaa", tmp_path) != first
