"""Opens the stores of the privacy engine where this installation keeps them.

In `data_dir`: consent/consent.db, audit/audit.db, dp/ledger.sqlite, released/. In `secret_dir`, a folder that belongs
on another disk in production, apart from the data and from its backups: token.key, audit.key, audit.anchor,
pseudonym.key, release.key, dp_ledger.anchor, keys.db, keys.db.anchor, key_encryption.json.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.config import Settings
from pipelines.consent.view import ConsentView
from pipelines.contracts.document import Contract
from pipelines.errors import SettingsError
from pipelines.identity.sketch_book import SketchKeys
from pipelines.protection import Protection
from pipelines.reveal import Revealer
from privacy.audit import AuditEntry, AuditLog
from privacy.clock import utc_now
from privacy.consent.policy import built_in_policy
from privacy.consent.store import ConsentStore
from privacy.dp.errors import LedgerDamaged
from privacy.dp.ledger import Ledger, LedgerEntry
from privacy.dp.sqlite_store import SqliteStore
from privacy.protection.field import FieldCipher
from privacy.protection.key_store import SqliteKeyStore
from privacy.protection.key_wrapper import FileKeyWrapper, KeyWrapper
from privacy.protection.token import Tokenizer, load_tokenizer
from privacy.storage.hash_chain import ChainFault
from privacy.storage.secret_file import SecretError, load_key

if TYPE_CHECKING:
    from privacy.anonymity.registry import ReleaseRegistry
    from privacy.dp.question import Question


def open_consent_store(settings: Settings) -> ConsentStore:
    """The consent store of the online side."""
    return ConsentStore(settings.data_dir / "consent" / "consent.db", built_in_policy().taxonomy)


def open_consent_view(settings: Settings, moment: datetime) -> ConsentView:
    """What the consent record says, for decisions at a moment."""
    return ConsentView(lambda: open_consent_store(settings), built_in_policy(), settings.controller, moment)


def load_pseudonym_key(settings: Settings) -> bytes:
    """The secret behind the pseudonyms that roles read."""
    return load_key(settings.secret_dir / "pseudonym.key")


def open_release_registry(settings: Settings) -> ReleaseRegistry:
    """What was released to whom, so that no two versions undo each other; people stand in it as keyed hashes."""
    # Here, because the search behind it takes a second to load.
    from privacy.anonymity.registry import ReleaseRegistry

    return ReleaseRegistry(settings.data_dir / "released", load_key(settings.secret_dir / "release.key"), utc_now)


def open_audit_log(settings: Settings) -> AuditLog:
    """The audit log; its anchor and the key that seals it lie apart."""
    folder = settings.secret_dir
    key = load_key(folder / "audit.key")
    return AuditLog(settings.data_dir / "audit" / "audit.db", folder / "audit.anchor", key)


def open_tokenizer(settings: Settings) -> Tokenizer:
    """What makes matching keys, with the secret that those in the tables were made with.

    The data folder keeps a fingerprint of the secret (`token.check`, a keyed hash that tells nothing): under another
    secret nobody would be recognised, no row known, and everybody a new customer.

    Raises:
        SecretError: the secret is gone, another one, or cannot be used.
    """
    check, secret = settings.data_dir / "token.check", settings.token_key_file
    remedy = "Restore the file; under another secret nobody in the tables would be recognised."
    if check.exists() and not secret.exists():
        raise SecretError(f"{secret}: the token secret is gone, and {settings.data_dir} was made with it. {remedy}")
    tokens = load_tokenizer(secret, settings.phone_region)
    fingerprint = tokens.derived_key("fingerprint").hex()
    if not check.exists():
        check.parent.mkdir(parents=True, exist_ok=True)
        check.write_text(f"{fingerprint}\n", "ascii")
    elif check.read_text("ascii").strip() != fingerprint:
        raise SecretError(f"{secret}: is another token secret than {settings.data_dir} was made with. {remedy}")
    return tokens


def open_sketch_keys(settings: Settings) -> SketchKeys:
    """The keys of the sketches by which matching finds whom to compare, see `open_tokenizer`."""
    tokens = open_tokenizer(settings)
    return SketchKeys(tokens.derived_key("identity sketch"), tokens.derived_key("identity sketch seal"))


def open_key_store(settings: Settings, wrapper: KeyWrapper | None = None) -> SqliteKeyStore:
    """The key store, wrapped by what the settings name unless another wrapper is given.

    Raises:
        ProtectionError: the store or its key-encryption key cannot be used; each reason is a kind of its own.
    """
    return SqliteKeyStore(settings.secret_dir / "keys.db", wrapper or _wrapper_of(settings))


def open_ledger(settings: Settings, *, joins: bool = False) -> Ledger:
    """The ledger of privacy budgets: a file, or a fleet's PostgreSQL; this machine's anchor lies apart.

    Args:
        settings: where it lies.
        joins: this machine has no anchor yet and takes PostgreSQL's ledger as it is now.

    Raises:
        SettingsError: PostgreSQL is named and cannot be used.
        LedgerDamaged: the ledger is not as it was left.
    """
    anchor = settings.secret_dir / "dp_ledger.anchor"
    if settings.ledger_postgres_file is None:
        return Ledger(SqliteStore(_ledger_file(settings), anchor))
    try:
        from psycopg import OperationalError

        from privacy.dp.postgres_store import PostgresStore
    except ImportError as error:
        raise SettingsError(
            "ledger_postgres_file is set and psycopg is not installed; install bojagi[fleet]."
        ) from error
    try:
        return Ledger(PostgresStore(settings.ledger_postgres_file.read_text("utf-8").strip(), anchor, joins=joins))
    except OSError as error:
        told = f"ledger_postgres_file {settings.ledger_postgres_file} cannot be read: {error.strerror}."
        raise SettingsError(told) from error
    except OperationalError as error:
        raise SettingsError("The PostgreSQL that ledger_postgres_file names does not answer.") from error


def read_balances(settings: Settings, question: Question, moment: datetime) -> dict[str, float]:
    """Return the ρ that is left of the budget that pays for a question, by period."""
    with closing(open_ledger(settings)) as ledger:
        return {balance.period: balance.left.rho for balance in ledger.balances(question.account, moment)}


def verify_releases(settings: Settings, log: AuditLog) -> list[ChainFault]:
    """Everything wrong with the ledger of privacy budgets, and every logged release that it does not pay for."""
    from privacy.dp.trail import verify_trail

    entries: list[LedgerEntry] = []
    if _ledger_file(settings).exists() or (settings.secret_dir / "dp_ledger.anchor").exists():
        try:
            with closing(open_ledger(settings)) as ledger:
                entries = list(ledger.entries())
        except LedgerDamaged as error:
            return [ChainFault("ledger", log.anchor().number if log.anchor_path.exists() else 0, error.message)]
    return verify_trail(log, entries)


def _ledger_file(settings: Settings) -> Path:
    return settings.data_dir / "dp" / "ledger.sqlite"


@contextmanager
def open_protection(settings: Settings) -> Iterator[Protection]:
    """The secret of the tokens and the key store, for one thread of one run.

    Raises:
        SecretError: the token secret cannot be used.
        ProtectionError: the key store cannot be used.
    """
    tokens = open_tokenizer(settings)
    with closing(open_key_store(settings)) as store:
        yield Protection(tokens, FieldCipher(store))


@contextmanager
def open_revealer(settings: Settings, who: str, purpose: str) -> Iterator[Revealer]:
    """What decrypts identifiers in memory for one purpose; each use is in the audit log before anything is clear.

    Raises:
        SecretError: the token secret cannot be used.
        ProtectionError: the key store cannot be used.
        AuditError: the use cannot be written down.
    """
    with closing(open_audit_log(settings)) as log, open_protection(settings) as protection:

        def note(contract: Contract, columns: tuple[str, ...], persons: int) -> None:
            use = AuditEntry(
                at=utc_now(), who=who, role="pipeline", purpose=purpose, action="decrypt", table=contract.table,
                columns=columns, subjects=persons, outcome="allowed", reason=None,
            )  # fmt: skip
            log.append(use)

        yield Revealer(protection, purpose, note)


def _wrapper_of(settings: Settings) -> KeyWrapper:
    if settings.hsm_module is None:
        return FileKeyWrapper(settings.secret_dir / "key_encryption.json")
    if settings.hsm_pin_file is None:
        raise SettingsError("hsm_module is set without hsm_pin_file; name the private file that holds the token's PIN.")
    from privacy.protection.pkcs11_wrapper import Pkcs11KeyWrapper

    try:
        pin = settings.hsm_pin_file.read_text("utf-8").strip()
    except OSError as error:
        raise SettingsError(f"hsm_pin_file {settings.hsm_pin_file} cannot be read: {error.strerror}.") from error
    return Pkcs11KeyWrapper(settings.hsm_module, settings.hsm_token, pin)
