"""Errors of access. No message contains personal data."""

from privacy.errors import PrivacyError


class AccessError(PrivacyError):
    """The file of roles has a fault."""


class AccessRefused(PrivacyError):
    """The role may not read these columns for this purpose; nothing was read."""
