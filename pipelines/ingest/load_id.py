"""Makes the id of a load, and times as bronze stores them."""

import datetime
import hashlib
from collections.abc import Iterable

from installation.contract.document import Contract


def make_load_id(contract: Contract, keys: Iterable[str]) -> str:
    """Return the id of a load. The same files and the same contract give the same id, also after a crash."""
    content = "\n".join([contract.id, contract.sha256, *sorted(keys)])
    return f"load_{hashlib.sha256(content.encode()).hexdigest()[:20]}"


def in_utc(now: datetime.datetime) -> datetime.datetime:
    """Return a time as bronze stores it: UTC without a time zone. A time without a zone is returned unchanged."""
    return now.astimezone(datetime.UTC).replace(tzinfo=None) if now.tzinfo else now
