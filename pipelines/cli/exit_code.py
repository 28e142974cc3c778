"""What the command's exit codes mean, and which of our errors ends in which."""

import errno
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of `bojagi`; `bojagi --help` lists them."""

    OK = 0
    QUALITY = 1
    """Finished, but a check that blocks what follows has failed."""
    USAGE = 2
    """The command line, a setting or a contract cannot be used."""
    ENVIRONMENT = 3
    """The engine, Java, the endpoint or the disk is not there."""
    BUSY = 4
    """Another run works in the same data folder."""
    FAILED = 5
    """A table could not be loaded or built; the others are finished."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C."""


_BY_ERROR = {
    "SettingsError": ExitCode.USAGE,
    "ContractError": ExitCode.USAGE,
    "UnknownContractError": ExitCode.USAGE,
    "EngineError": ExitCode.ENVIRONMENT,
    "RunLockError": ExitCode.BUSY,
}
_DISK = frozenset({errno.EROFS, errno.ENOSPC, errno.EACCES, errno.EPERM, errno.EDQUOT})


def of_error(kind: str) -> ExitCode:
    """Return the exit code for one of our errors, by the name of its class."""
    return _BY_ERROR.get(kind, ExitCode.FAILED)


def is_disk_fault(error: OSError) -> bool:
    """Say whether the error is a disk that refuses to be written, rather than a mistake of ours."""
    return error.errno in _DISK
