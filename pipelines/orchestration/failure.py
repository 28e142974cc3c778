"""Ends a step with the one-line message of our own error, without another attempt."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from agent_serving.errors import ServingError
from features.errors import FeatureError
from federated.errors import FederatedError
from installation.disk_fault import is_disk_full
from installation.errors import InstallationError
from pipelines.errors import PipelineError
from privacy.errors import PrivacyError

ERROR_KIND = "error"
"""Metadata of the failure: the class name of the error."""
RETRY = dg.RetryPolicy(max_retries=1, delay=2)
"""For failures that pass by themselves, such as a lost connection to the engine."""
_OWN = (FeatureError, FederatedError, InstallationError, PipelineError, PrivacyError, ServingError)


@contextmanager
def own_errors_are_final() -> Iterator[None]:
    """Turn an error of our own classes into a failure that is not retried: its message says what to do.

    A full disk ends the run at once, as a signal does: no later step could write its table.
    """
    try:
        yield
    except Exception as error:
        if is_disk_full(error):
            raise dg.DagsterExecutionInterruptedError("The disk is full.") from error
        if not isinstance(error, _OWN):
            raise
        raise dg.Failure(str(error), metadata={ERROR_KIND: type(error).__name__}, allow_retries=False) from error
