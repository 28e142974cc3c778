"""Opens the store of requests of data subjects, and finds the customer ids of one person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from installation.secret_key import open_key
from installation.settings import Settings
from privacy.audit import AuditLog
from privacy.consent.record import is_opaque_id
from privacy.consent.service import ConsentService
from privacy.consent.store import ConsentStore
from privacy.protection.data_key import KeyStore
from privacy.rights.errors import RequestStoreError
from privacy.rights.law import built_in_request_laws
from privacy.rights.request_log import RequestLog
from privacy.rights.request_store import RequestStore
from privacy.rights.service import RightsService
from privacy.storage.database import is_unwritten

if TYPE_CHECKING:
    from privacy.storage.postgres import PostgresServer


def open_request_store(
    settings: Settings, server: PostgresServer | None, keys: KeyStore, *, joins: bool = False
) -> RequestStore:
    """Return a new connection to the store of requests, to be closed by the caller.

    Raises:
        RequestStoreError: the store cannot be opened, is older than its anchor, or its secret is missing.
        SecretError: the secret cannot be used.
    """
    path, secret = server or settings.data_dir / "rights" / "request.db", settings.secret_dir / "rights.key"
    anchor = settings.secret_dir / "rights.anchor"
    is_new = is_unwritten(path, "rights")
    if not is_new and not secret.exists():
        raise RequestStoreError(f"{secret}: the secret of the requests in {path} is missing. Restore the file.")
    if anchor.exists() and is_new and isinstance(path, Path):
        raise RequestStoreError(f"{path}: the store of requests is missing, but its anchor exists. Restore the store.")
    return RequestStore(path, anchor, open_key(settings, server, "rights.key"), keys, joins=joins)


def rights_service(
    store: RequestStore, audit: AuditLog, consents: Callable[[], ConsentService], is_listed: Callable[[str], bool],
    clock: Callable[[], datetime], time_zone: str,
) -> RightsService:  # fmt: skip
    """Return the service on an open store. `is_listed` returns whether the tables list a customer id."""
    log = RequestLog(store, audit, clock, time_zone, lambda one: customer_ids(one, consents().store, is_listed))
    return RightsService(log, built_in_request_laws(), consents)


def customer_ids(customer: str, store: ConsentStore, is_listed: Callable[[str], bool]) -> list[str]:
    """Return the customer's id, and former ids whose persons were all merged into the customer; empty if unknown.

    A former customer who was split between several customers belongs to none of them, so that nobody sees the requests
    of somebody else.
    """
    if not is_opaque_id(customer) or not (store.knows(customer) or is_listed(customer)):
        return []
    members = store.members_of(customer)
    owners = {owner for owner in store.customers_of(members).values() if owner is not None}
    current = owners.pop() if len(owners) == 1 else customer
    members = store.members_of(current)
    ever = {str(owner) for owner in store.membership_table(members)["customer_id"].to_pylist() if owner is not None}
    former = store.former_customers(ever - {current})
    return [current, *sorted(one for one in former if set(store.members_of(one)) <= set(members))]
