import errno

import pytest

from installation.errors import LakehouseError, SettingsError
from pipelines import errors
from pipelines.cli.exit_code import ExitCode, is_denied, of_error
from pipelines.matching.errors import MappingError
from privacy.access.errors import AccessRefused
from privacy.dp.errors import BadQuestion, BudgetRefused
from privacy.protection.errors import LostKeyError


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (SettingsError, ExitCode.USAGE),
        (errors.EngineError, ExitCode.ENVIRONMENT),
        (errors.RunLockError, ExitCode.BUSY),
        (errors.DiskError, ExitCode.ENVIRONMENT),
        (errors.IngestError, ExitCode.FAILED),
        (MappingError, ExitCode.USAGE),
        (BadQuestion, ExitCode.USAGE),
        (BudgetRefused, ExitCode.REFUSED),
        (LostKeyError, ExitCode.REFUSED),
        (AccessRefused, ExitCode.REFUSED),
        (LakehouseError, ExitCode.FAILED),
        (ValueError, ExitCode.FAILED),
    ],
)
def test_each_error_has_its_exit_code(kind: type[Exception], code: ExitCode) -> None:
    assert of_error(kind) is code


def test_help_lists_exactly_the_exit_codes() -> None:
    from pipelines.cli.app import HELP

    listed = [int(line.split()[0]) for line in HELP.splitlines() if line.strip()[:1].isdigit()]
    assert listed == [int(code) for code in ExitCode]


def test_a_denied_file_is_named_to_the_user_and_a_missing_one_is_not() -> None:
    assert is_denied(PermissionError(errno.EACCES, "denied"))
    assert not is_denied(FileNotFoundError(errno.ENOENT, "a mistake of ours"))
