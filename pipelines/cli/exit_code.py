"""Defines the exit codes of `bojagi`, and maps each error class to an exit code."""

import errno
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of `bojagi`; `bojagi --help` lists them."""

    OK = 0
    QUALITY = 1
    """Finished, but a blocking check has failed, a file was refused, or too many rows are in quarantine."""
    USAGE = 2
    """The command line, a setting or a contract cannot be used."""
    ENVIRONMENT = 3
    """The engine, Java or an endpoint is not available, or the disk is full."""
    BUSY = 4
    """Another run works in the same data folder."""
    FAILED = 5
    """A table could not be loaded or built; the others are finished."""
    REFUSED = 6
    """Refused by a budget, a consent, a role, a key or a verifier. Nothing was released."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C."""
    TERMINATED = 143
    """Stopped by SIGTERM."""


# The most specific class of an error decides. Classes are named and not imported, so that `--help` stays fast.
_BY_ERROR = {
    "SettingsError": ExitCode.USAGE,
    "ContractError": ExitCode.USAGE,
    "UnknownContractError": ExitCode.USAGE,
    "ContractChangedError": ExitCode.USAGE,
    "MigrationError": ExitCode.USAGE,
    "DraftError": ExitCode.USAGE,
    "UnknownDataError": ExitCode.USAGE,
    "SimulationError": ExitCode.USAGE,
    "SelectionError": ExitCode.USAGE,
    "IdentityError": ExitCode.USAGE,
    "UnknownPurposeError": ExitCode.USAGE,
    "InvalidRecordError": ExitCode.USAGE,
    "ReceiptError": ExitCode.USAGE,
    "AccessError": ExitCode.USAGE,
    "SpecError": ExitCode.USAGE,
    "HierarchyError": ExitCode.USAGE,
    "BadQuestion": ExitCode.USAGE,
    "BadSpecification": ExitCode.USAGE,
    "UnmetConstraint": ExitCode.USAGE,
    "PrivacyError": ExitCode.REFUSED,
    "EngineError": ExitCode.ENVIRONMENT,
    "DiskError": ExitCode.ENVIRONMENT,
    "ObjectStoreError": ExitCode.ENVIRONMENT,
    "RunLockError": ExitCode.BUSY,
    "DestinationBusy": ExitCode.BUSY,
    "BackupError": ExitCode.ENVIRONMENT,
    "AliveError": ExitCode.REFUSED,
    "LakehouseBusyError": ExitCode.BUSY,
    "LakehouseClaimedError": ExitCode.REFUSED,
    "UpgradeError": ExitCode.REFUSED,
    "DeliveryFailed": ExitCode.ENVIRONMENT,
    "ApiKeyError": ExitCode.USAGE,
    "StaffAccountError": ExitCode.USAGE,
    "InvalidSubmissionError": ExitCode.USAGE,
    "UnknownRequestError": ExitCode.USAGE,
    "RequestStoreError": ExitCode.ENVIRONMENT,
    "ServerFault": ExitCode.ENVIRONMENT,
    "ServerStartError": ExitCode.ENVIRONMENT,
    "UnknownFeatureError": ExitCode.USAGE,
    "DefinitionError": ExitCode.USAGE,
    "UnknownAudienceError": ExitCode.USAGE,
    "AudienceRefused": ExitCode.REFUSED,
    "RecommendError": ExitCode.USAGE,
    "RolloutError": ExitCode.USAGE,
    "PolicyError": ExitCode.USAGE,
    "DecisionLogError": ExitCode.REFUSED,
    "RetrievalFailed": ExitCode.ENVIRONMENT,
    "SearchUnavailable": ExitCode.ENVIRONMENT,
    "ContentError": ExitCode.USAGE,
    "PlaceError": ExitCode.USAGE,
    "TrainingError": ExitCode.USAGE,
    "BadSetting": ExitCode.USAGE,
    "SiteRefused": ExitCode.REFUSED,
}
_DENIED = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


def of_error(kind: type[Exception]) -> ExitCode:
    """Return the exit code for one of our errors."""
    return of_names(*(parent.__name__ for parent in kind.__mro__))


def of_names(*names: str) -> ExitCode:
    """Return the exit code for the names of an error's class and of its base classes, the class first."""
    return next((_BY_ERROR[name] for name in names if name in _BY_ERROR), ExitCode.FAILED)


def is_denied(error: Exception) -> bool:
    """Return whether an error means that a file may not be read or written. Other ones are faults of the code."""
    return isinstance(error, OSError) and error.errno in _DENIED
