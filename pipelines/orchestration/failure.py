"""Ends a step with the one-line message of our own error, without another attempt."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from installation.errors import InstallationError
from pipelines.errors import PipelineError
from privacy.errors import PrivacyError

ERROR_KIND = "error"
"""Metadata of the failure: the class name of the error."""
RETRY = dg.RetryPolicy(max_retries=1, delay=2)
"""For failures that pass by themselves, such as a lost connection to the engine."""


@contextmanager
def own_errors_are_final() -> Iterator[None]:
    """Turn an error of our own classes into a failure that is not retried: its message says what to do."""
    try:
        yield
    except (InstallationError, PipelineError, PrivacyError) as error:
        raise dg.Failure(str(error), metadata={ERROR_KIND: type(error).__name__}, allow_retries=False) from error
