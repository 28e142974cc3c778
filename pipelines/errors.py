"""Errors of the pipelines. Each message states the cause and the next step.

Messages are shown in terminals, logs and Dagster's run record, so they contain no personal data: they name files,
lines, columns and rules, not values.
"""

from pathlib import Path


class PipelineError(Exception):
    """Base of every error that the pipelines raise on purpose."""


class EngineError(PipelineError):
    """The engine could not be opened. `engine` is its name in the settings.

    The message is one line with the cause and the next step.
    """

    def __init__(self, message: str, engine: str) -> None:
        super().__init__(message)
        self.engine = engine


class IngestError(PipelineError):
    """A source could not be loaded. The failed load left no rows in its table."""

    def __init__(self, message: str, source: str) -> None:
        super().__init__(message)
        self.source = source


class RunLockError(PipelineError):
    """Another run works in the same data folder."""


class SelectionError(PipelineError):
    """A selection of tables cannot be parsed, or names no table."""


class DiskError(PipelineError):
    """A folder cannot be written."""

    @classmethod
    def from_full(cls, folder: Path) -> "DiskError":
        """Return the error of a full disk."""
        return cls(
            f"No space is left on the disk of {folder}. Free space there, or choose another data folder (--data); "
            "then run the command again. What is finished is kept."
        )


class RetentionError(PipelineError):
    """Rows that are due for deletion are still in a table."""

    def __init__(self, message: str, table: str) -> None:
        super().__init__(message)
        self.table = table


class ReleaseError(PipelineError):
    """A declaration of a release is not valid, or its release may not be made from the current tables."""


class TrainingError(PipelineError):
    """A federated training or its model cannot be used: there is no such model, no run to resume, or no site."""


class PartnerMatchError(PipelineError):
    """A match with a partner cannot take this step: wrong name, order, purpose or file."""


class MigrationError(PipelineError):
    """A table cannot be moved to its contract. `reasons` has one line a reason; the table is unchanged."""

    def __init__(self, reasons: tuple[str, ...], table: str) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = reasons
        self.table = table


class ContractChangedError(PipelineError):
    """A table has another form than its contract states, so nothing is loaded into it or built from it."""

    def __init__(self, table: str, changes: tuple[str, ...]) -> None:
        super().__init__(
            f"{table} was made with another contract: {'; '.join(changes)}. Run `bojagi contracts migrate --plan`, "
            "which says what would change, or put the former contract back."
        )
        self.table = table
