"""Opens what an installation keeps with its secrets: audit log, matching keys, erased persons, corrections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from installation.settings import Settings
from privacy.audit import AuditEntry, AuditError, AuditLog
from privacy.clock import utc_now
from privacy.contract.document import Document
from privacy.protection.correction_list import CorrectionList
from privacy.protection.field import FieldCipher
from privacy.protection.revealer import Note
from privacy.protection.suppression import SuppressionList
from privacy.protection.token import Tokenizer, load_tokenizer
from privacy.storage.atomic_file import create_private_folder, replace_public
from privacy.storage.lock import file_lock
from privacy.storage.secret_file import SecretError, load_key

if TYPE_CHECKING:
    from privacy.anonymity.registry import ReleaseRegistry


def open_audit_log(settings: Settings) -> AuditLog:
    """Return a new connection to the audit log; its anchor and the anchor's key are in the secret folder.

    Raises:
        AuditError: the log cannot be opened, or was deleted while its key exists.
    """
    folder, log = settings.secret_dir, settings.data_dir / "audit" / "audit.db"
    secret, anchor = folder / "audit.key", folder / "audit.anchor"
    create_private_folder(folder)
    # Locked, so that no process sees the new key before the new log has its anchor.
    with file_lock(folder / "audit.lock"):
        if secret.exists() and not log.exists() and not anchor.exists():
            raise AuditError(
                f"The audit log {log} and its anchor {anchor} are missing, but the key {secret} exists: they were "
                "deleted. Restore both from your backup. To begin a new log, archive the key as well."
            )
        return AuditLog(log, anchor, load_key(secret))


def open_tokenizer(settings: Settings) -> Tokenizer:
    """Return the tokenizer with the secret by which the tables were made.

    The data folder keeps a fingerprint of the secret (`token.check`, a keyed hash that reveals nothing). With another
    secret, no new row would match a person in the tables.

    Raises:
        SecretError: the secret is missing, is another one, or cannot be used.
    """
    check, secret = settings.data_dir / "token.check", settings.token_key_file
    remedy = "Restore the file; with another secret, no new row would match a person in the tables."
    if check.exists() and not secret.exists():
        made = f"the tables in {settings.data_dir} were made with it"
        raise SecretError(f"{secret}: the token secret is missing, and {made}. {remedy}")
    tokens = load_tokenizer(secret, settings.phone_region)
    fingerprint = tokens.derived_key("fingerprint").hex()
    if not check.exists():
        replace_public(check, f"{fingerprint}\n")
    elif check.read_text("ascii").strip() != fingerprint:
        made = f"the tables in {settings.data_dir} were made with another one"
        raise SecretError(f"{secret}: not the right token secret; {made}. {remedy}")
    return tokens


def open_suppression(settings: Settings, tokens: Tokenizer) -> SuppressionList:
    """Return a new connection to the list of erased persons.

    Raises:
        SuppressionError: the list is older than its anchor, missing or changed.
    """
    return SuppressionList(settings.secret_dir / "suppression.db", tokens.derived_key("suppression"))


def open_corrections(settings: Settings, cipher: FieldCipher, tokens: Tokenizer) -> CorrectionList:
    """Return a new connection to the corrections of persons."""
    path = settings.data_dir / "correction" / "correction.db"
    return CorrectionList(path, cipher, tokens.derived_key("correction"))


def open_release_registry(settings: Settings) -> ReleaseRegistry:
    """Return the registry of anonymous releases.

    Raises:
        SecretError: the secret behind its hashes is missing or cannot be used.
    """
    # Imported here, because the search that it imports takes a second to load.
    from privacy.anonymity.registry import ReleaseRegistry

    folder, secret = settings.data_dir / "released", settings.secret_dir / "release.key"
    if not secret.exists() and (folder / "release.jsonl").exists():
        raise SecretError(
            f"{secret}: the release secret is missing, and the registry in {folder} was made with it. Restore the "
            "file; under another secret no person would be recognised as released before."
        )
    return ReleaseRegistry(folder, load_key(secret), utc_now)


def note_into(log: AuditLog, who: str, purpose: str) -> Note:
    """Return the function by which a revealer writes each use to the audit log."""

    def note(contract: Document, columns: tuple[str, ...], persons: int) -> None:
        use = AuditEntry(
            at=utc_now(), who=who, role="pipeline", purpose=purpose, action="decrypt", table=contract.table,
            columns=columns, subjects=persons, outcome="allowed", reason=None,
        )  # fmt: skip
        log.append(use)

    return note
