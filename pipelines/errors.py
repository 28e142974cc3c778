"""Errors of the pipelines: one base, one class a concern, messages that say what came and what to do next.

Messages reach terminals, logs and Dagster's run record, so they never carry personal data: they name files,
lines, columns and rules, not values.
"""


class PipelineError(Exception):
    """Base of every error that the pipelines raise on purpose."""


class EngineError(PipelineError):
    """The engine could not be opened. `engine` is the name that was asked for.

    The message is one line: what is wrong and what to do.
    """

    def __init__(self, message: str, engine: str) -> None:
        super().__init__(message)
        self.engine = engine


class IngestError(PipelineError):
    """A source could not be loaded at all. Nothing of the attempt remains in its table."""

    def __init__(self, message: str, source: str) -> None:
        super().__init__(message)
        self.source = source


class RunLockError(PipelineError):
    """Another run works in the same data folder."""


class RetentionError(PipelineError):
    """Rows that are due could not be deleted, or are still there."""

    def __init__(self, message: str, table: str) -> None:
        super().__init__(message)
        self.table = table


class ReleaseError(PipelineError):
    """A release is not declared well, or may not be made of what there is."""
