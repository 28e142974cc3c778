"""Opens a session on a Spark Connect endpoint, such as a cluster, and checks what a run needs there."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from installation.settings import Settings
from pipelines.engine import endpoint
from pipelines.engine.connect_session import open_session
from pipelines.engine.session_option import prepare_session
from pipelines.engine.worker_code import pack_worker_code, require_worker_code

if TYPE_CHECKING:
    from pyspark.sql import SparkSession as Session


@contextmanager
def open_cluster(url: str, settings: Settings) -> Iterator[Session]:
    """Open a session at an address and send it the code that workers import.

    Raises:
        EngineError: nothing answers there, the server refuses this client, or its workers cannot run our functions.
    """
    endpoint.probe(url)
    with tempfile.TemporaryDirectory(prefix="bojagi-worker-") as folder:
        code = Path(folder) / "bojagi_worker.zip"
        pack_worker_code(code)
        with open_session(url, url, partial(_prepare, settings=settings, code=code), is_local=False) as spark:
            require_worker_code(spark, url)
            yield spark


def _prepare(spark: Session, settings: Settings, code: Path) -> None:
    from pyspark.errors import UnsupportedOperationException

    prepare_session(spark, settings)
    # The client puts the file on its own path as well, where this process would import from it.
    own_path = list(sys.path)
    # Sail takes no artifacts. Whether its Python has the modules is checked after this.
    try:
        with suppress(UnsupportedOperationException):
            spark.addArtifact(str(code), pyfile=True)
    finally:
        sys.path[:] = own_path
