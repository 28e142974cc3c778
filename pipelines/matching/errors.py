"""Errors of identity resolution. Messages contain counts and column names, never personal data."""

from pipelines.errors import PipelineError


class IdentityError(PipelineError):
    """Base class of all errors of identity resolution."""


class MappingError(IdentityError):
    """A column mapping or an argument of the evaluation is invalid."""


class NoIdentifierError(IdentityError):
    """A file has no column, or no value, that can identify a person."""


class SourceFileError(IdentityError):
    """A person file cannot be read or written, or lacks an expected column or record."""


class UnsupportedEngineError(IdentityError):
    """The engine cannot run the matching."""
