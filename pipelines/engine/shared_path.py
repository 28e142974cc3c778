"""Checks that the workers of a cluster read and write the lakehouse at the place where this process does."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from pipelines.errors import EngineError

if TYPE_CHECKING:
    from pipelines.lakehouse.spark_lakehouse import SparkLakehouse

FOLDER = "_engine_check"


def require_shared(lakehouse: SparkLakehouse, name: str) -> None:
    """Write a file into the lakehouse, let a worker copy it there, and read the copy; then delete both.

    Raises:
        EngineError: a worker does not find the file, cannot write, or writes to another place.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyarrow import fs
    from pyspark.errors import PySparkException

    token = secrets.token_hex(8)
    filesystem, root = lakehouse.filesystem()
    local, place = f"{root}/{FOLDER}/{token}", f"{lakehouse.root}/{FOLDER}/{token}"
    filesystem.create_dir(local, recursive=True)
    try:
        with filesystem.open_output_stream(f"{local}/sent.parquet") as sink:
            pq.write_table(pa.table({"token": [token]}), sink)
        try:
            lakehouse.spark.read.parquet(f"{place}/sent.parquet").write.parquet(f"{place}/answer")
        except PySparkException as error:
            reason = next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]
            raise _not_shared(lakehouse.root, name, f"it could not copy a file there: {reason}") from error
        found = filesystem.get_file_info(fs.FileSelector(f"{local}/answer", allow_not_found=True, recursive=True))
        answers = [one.path for one in found if one.path.endswith(".parquet")]
        rows = [pq.read_table(path, filesystem=filesystem)["token"].to_pylist() for path in answers]
        if [token] not in rows:
            raise _not_shared(lakehouse.root, name, "what it writes there does not arrive here")
    finally:
        filesystem.delete_dir(local)


def _not_shared(root: str, name: str, fault: str) -> EngineError:
    return EngineError(
        f"The engine at {name} does not share lakehouse_root {root} with this machine: {fault}. Set lakehouse_root to "
        "a URL such as s3://bucket/path with its storage_options, or to a folder that is mounted at the same path, "
        "writable, on this machine and on the engine's driver and workers.",
        name,
    )
