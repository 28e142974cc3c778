"""Opens what an installation keeps with its secrets: audit log, matching keys, erased persons, corrections."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from installation.external_store import wrapper_of
from installation.secret_key import check_file, never_anew, open_key
from installation.settings import Settings
from installation.store_file import AUDIENCE_FOLDER, AUDIENCES
from privacy.audit import AuditEntry, AuditError, AuditLog
from privacy.clock import utc_now
from privacy.contract.document import Document
from privacy.protection.correction_list import CorrectionList
from privacy.protection.errors import RolledBackStoreError
from privacy.protection.field import FieldCipher
from privacy.protection.key_store import WrappedKeyStore
from privacy.protection.key_wrapper import KeyWrapper
from privacy.protection.revealer import Note
from privacy.protection.suppression import SuppressionError, SuppressionList
from privacy.protection.token import Tokenizer, load_tokenizer
from privacy.storage.atomic_file import create_private_folder, replace_public
from privacy.storage.database import ServerFault, is_unwritten
from privacy.storage.document_store import DatabaseDocuments, DocumentStore, FolderDocuments
from privacy.storage.lock import file_lock
from privacy.storage.secret_file import SecretError

if TYPE_CHECKING:
    from privacy.anonymity.registry import ReleaseRegistry
    from privacy.storage.postgres import PostgresServer


def open_audit_log(settings: Settings, server: PostgresServer | None, *, joins: bool = False) -> AuditLog:
    """Return a new connection to the audit log; its anchor and the anchor's key are in the secret folder.

    Args:
        settings: name the folders.
        server: PostgreSQL, if the log is there.
        joins: see `AuditLog`.

    Raises:
        AuditError: the log cannot be opened, was deleted while its key exists, or exists without its key.
    """
    folder, log = settings.secret_dir, server or settings.data_dir / "audit" / "audit.db"
    secret, anchor = folder / "audit.key", folder / "audit.anchor"
    create_private_folder(folder)
    # Locked, so that no process sees the new key before the new log has its anchor.
    with file_lock(folder / "audit.lock"):
        try:
            is_new = is_unwritten(log, "audit")
        except ServerFault as error:
            raise AuditError(f"No use can be logged: {error.message}") from error
        if not is_new and not secret.exists():
            raise AuditError(
                f"The audit key {secret} is missing, but the log {log} exists. Under a new key, nothing could show "
                "that the log is as it was written. Restore the key from your backup. To begin a new log, archive the "
                f"old one with its anchor and {check_file(settings, secret.name)}."
            )
        if secret.exists() and is_new and not anchor.exists() and not joins:
            new = "" if server is None else "On a machine that is new to the database, run `bojagi database join`. "
            raise AuditError(
                f"The audit log {log} and its anchor {anchor} are missing, but the key {secret} exists: they were "
                f"deleted. Restore both from your backup. {new}To begin a new log, archive the key and "
                f"{check_file(settings, secret.name)} as well."
            )
        return AuditLog(log, anchor, open_key(settings, server, "audit.key"), joins=joins)


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


def open_suppression(
    settings: Settings, server: PostgresServer | None, tokens: Tokenizer, *, joins: bool = False
) -> SuppressionList:
    """Return a new connection to the list of erased persons, see `SuppressionList`.

    Raises:
        SuppressionError: the list is older than its anchor, missing or changed.
    """
    file = settings.secret_dir / "suppression.db"
    anchor = file.with_name("suppression.db.anchor")
    if server is not None:
        return SuppressionList(server, tokens.derived_key("suppression"), anchor, joins=joins)
    with never_anew(settings, file, anchor, SuppressionError):
        return SuppressionList(file, tokens.derived_key("suppression"), anchor)


def open_key_store(
    settings: Settings, server: PostgresServer | None, wrapper: KeyWrapper | None, *, joins: bool = False
) -> WrappedKeyStore:
    """Return a new connection to the key store. `wrapper` wraps the data keys; None takes the one of the settings.

    Raises:
        ProtectionError: the store or its key-encryption key cannot be used; each reason has its own class.
    """
    file, anchor = settings.secret_dir / "keys.db", settings.secret_dir / "keys.db.anchor"
    if server is not None:
        wrapper = wrapper or wrapper_of(settings, makes=is_unwritten(server, "keys"))
        return WrappedKeyStore(server, wrapper, anchor, joins=joins)
    with never_anew(settings, file, anchor, RolledBackStoreError):
        return WrappedKeyStore(file, wrapper or wrapper_of(settings, makes=not file.exists()), anchor)


def open_corrections(
    settings: Settings, server: PostgresServer | None, cipher: FieldCipher, tokens: Tokenizer
) -> CorrectionList:
    """Return a new connection to the corrections of persons."""
    path = server or settings.data_dir / "correction" / "correction.db"
    return CorrectionList(path, cipher, tokens.derived_key("correction"))


def open_documents(
    folder: Path, server: PostgresServer | None, store: str, *, is_durable: bool = True
) -> DocumentStore:
    """Return the documents of a store, in a folder or on the server. `is_durable`: see `FolderDocuments`."""
    return (
        FolderDocuments(folder, is_durable=is_durable)
        if server is None
        else DatabaseDocuments(server.open(store), store)
    )


def open_audiences(settings: Settings, server: PostgresServer | None) -> DocumentStore:
    """Return the definitions of audiences and the history of their rules."""
    if server is None:
        return FolderDocuments(settings.data_dir / AUDIENCE_FOLDER)
    return DatabaseDocuments(server.open("lakehouse"), AUDIENCES)


def open_release_registry(settings: Settings, server: PostgresServer | None) -> ReleaseRegistry:
    """Return the registry of anonymous releases.

    Raises:
        SecretError: the secret behind its hashes is missing although persons were released, or cannot be used.
    """
    # Imported here, because the search that it imports takes a second to load.
    from privacy.anonymity.registry import ReleaseRegistry

    documents = open_documents(settings.data_dir / "released", server, "releases")
    return ReleaseRegistry(documents, open_key(settings, server, "release.key"), utc_now)


def note_into(log: AuditLog, who: str, purpose: str) -> Note:
    """Return the function by which a revealer writes each use to the audit log."""

    def note(contract: Document, columns: tuple[str, ...], persons: int) -> None:
        use = AuditEntry(
            at=utc_now(), who=who, role="pipeline", purpose=purpose, action="decrypt", table=contract.table,
            columns=columns, subjects=persons, outcome="allowed", reason=None,
        )  # fmt: skip
        log.append(use)

    return note
