"""Write keys: which source an SDK may send events to.

They are API keys of a role that no reader has: stored as hashes, revoked at once, listed by their own command. A write
key is public, because web pages contain it. It opens nothing but the collector.
"""

from __future__ import annotations

from agent_serving.authentication.api_key import ApiKey, ApiKeyStore
from agent_serving.authentication.identity import WRITER
from agent_serving.errors import AuthenticationFailed


def create_write_key(store: ApiKeyStore, name: str, source: str) -> tuple[ApiKey, str]:
    """Make a key for a source, a contract id. Returns its description and the key, which cannot be read again.

    Raises:
        ApiKeyError: the name is not usable.
    """
    return store.create(name, WRITER, frozenset({source}))


def is_write_key(key: ApiKey) -> bool:
    """Return whether a key opens the collector, and nothing else."""
    return key.role == WRITER


def source_of(store: ApiKeyStore, key: str) -> str:
    """Return the id of the contract that a write key names.

    Raises:
        AuthenticationFailed: the key is unknown, revoked, or no write key.
        ApiKeyError: the store is gone, or cannot be opened.
    """
    caller = store.authenticate(key).caller
    if caller.role != WRITER or not caller.purposes:
        raise AuthenticationFailed("invalid_key", "The key is no write key. Make one with `bojagi collect key create`.")
    return next(iter(caller.purposes))
