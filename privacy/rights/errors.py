"""Errors of data-subject rights."""

from privacy.errors import PrivacyError


class RightsError(PrivacyError):
    """Base class: a request could not be taken, changed, executed or verified."""


class InvalidSubmissionError(RightsError):
    """A field of a request has a value that no request may have."""


class UnknownRequestError(RightsError):
    """There is no such request, or it is not the caller's own. Both read alike, so that no one can search for ids."""


class RequestStateError(RightsError):
    """The request is in a state in which this step is not possible."""


class RightsRefusedError(RightsError):
    """The caller's role, a legal hold, or a missing proof of identity forbids the step."""


class TooManyRequestsError(RightsError):
    """More requests are open or unverified than one person or channel may have."""


class RequestStoreError(RightsError):
    """The store of requests cannot be read or written, or was changed by another program."""


class CertificateError(RightsError):
    """A certificate was changed, was signed by another key, or is not a certificate."""
