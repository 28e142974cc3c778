"""How our own errors end a step: with their one line, and without another attempt."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from installation.errors import InstallationError
from pipelines.errors import PipelineError
from privacy.errors import PrivacyError

ERROR_KIND = "error"
"""Metadata of the failure: the class of our error."""
RETRY = dg.RetryPolicy(max_retries=1, delay=2)
"""For what passes by itself, such as an engine's hiccup."""


@contextmanager
def own_errors_are_final() -> Iterator[None]:
    """Turn an error that we raised on purpose into a failure that is not retried: it says what to do."""
    try:
        yield
    except (InstallationError, PipelineError, PrivacyError) as error:
        raise dg.Failure(str(error), metadata={ERROR_KIND: type(error).__name__}, allow_retries=False) from error
