"""Reads features for a caller and a purpose: only of customers who permit the purpose now, and logged."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from features.retrieval.answer import Caller, FeatureAnswer
from installation.installation import Installation


class FeatureReader:
    """Returns feature values to services and persons. One object a process; safe under threads."""

    @classmethod
    def open(cls, installation: Installation) -> FeatureReader:
        """Open the online store, the consent decisions and the audit log of an installation.

        Raises:
            RetrievalFailed: one of them cannot be opened.
        """
        raise NotImplementedError

    def retrieve(self, customers: Sequence[str], service: str, purpose: str, caller: Caller) -> FeatureAnswer:
        """Return the features of a service for customers, each value only as the customer permits now.

        The read is in the audit log before this returns. So is a refused read.

        Raises:
            AccessRefused: the caller's role or key, or the service, does not have this purpose.
            UnknownPurposeError: no such purpose.
            UnknownServiceError: no such service; names those that exist.
            TooManyCustomersError: more customers than one call may ask for.
            RetrievalFailed: the online store, the consent record or the audit log failed; nothing is returned.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Close what `open` opened."""
        raise NotImplementedError

    def __enter__(self) -> FeatureReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
