"""What can go wrong in identity resolution. Messages never hold personal data: counts and column names
only.
"""

from pipelines.errors import PipelineError


class IdentityError(PipelineError):
    """Base of the package's errors."""


class MappingError(IdentityError):
    """The columns of a person file could not be understood."""


class NoIdentifierError(IdentityError):
    """A file has no column, or no value, by which two records could be the same person."""


class SourceFileError(IdentityError):
    """A person file could not be read."""


class HistoryError(IdentityError):
    """A recorded event contradicts the state it is applied to."""


class EngineLacksError(IdentityError):
    """The engine lacks what matching on it needs."""
