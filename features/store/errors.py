"""Errors of the online store. Messages name files, views and features, never a customer or a value."""

from features.errors import FeatureError


class StoreError(FeatureError):
    """Base of every error that the online store raises on purpose."""


class StoreDamaged(StoreError):
    """A file or a row of the store is not what was written."""


class StoreUnavailable(StoreError):
    """The store does not answer, or its files cannot be used."""


class ValueRefused(StoreError):
    """A value or a name cannot be stored."""
