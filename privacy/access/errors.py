"""What can go wrong with a read. No message names a person."""

from privacy.errors import PrivacyError


class AccessError(PrivacyError):
    """The file of roles is not what it should be."""


class AccessRefused(PrivacyError):
    """The role may not read this for this purpose; nothing was read."""
