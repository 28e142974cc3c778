"""Finds and deletes former versions of objects, which a bucket with versioning keeps when an object is deleted.

Arrow and delta-rs do not list them, so this needs boto3 (the extra `objects`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from installation.object_store.errors import ObjectStoreError, explained
from installation.object_store.options import aws_options

_BATCH = 1000
"""Most objects of one request to delete them."""
_MISSING = (
    "whether the bucket keeps former versions of objects cannot be known without boto3; install `bojagi[objects]`"
)


def former_versions(location: str, options: Mapping[str, str]) -> list[str]:
    """Return why deleted bytes may still be in a bucket; empty for a folder and for a bucket without former versions.

    A reason names the place and a number, never an object.
    """
    if not _is_s3(location):
        return [] if "://" not in location else [f"{location}: former versions of objects are listed for S3 only"]
    try:
        with _client(location, options) as (client, bucket, prefix):
            count = sum(1 for _ in _former(client, bucket, prefix))
    except ObjectStoreError as error:
        return [str(error)]
    return [f"{location}: the bucket keeps {count} former versions of objects"] if count else []


def remove_former_versions(location: str, options: Mapping[str, str]) -> int:
    """Delete the former versions of all objects below a URL, and the marks of deleted ones; return how many.

    Does nothing for a folder. Without boto3 it does nothing either, and `former_versions` then says so.

    Raises:
        OSError: the store refuses, for example because the bucket locks its objects.
    """
    if not _is_s3(location):
        return 0
    removed = 0
    try:
        with _client(location, options) as (client, bucket, prefix):
            found = list(_former(client, bucket, prefix))
            for start in range(0, len(found), _BATCH):
                batch = found[start : start + _BATCH]
                answer = client.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
                if answer.get("Errors"):
                    code = answer["Errors"][0].get("Code", "unknown")
                    raise OSError(f"former versions of objects below {location} cannot be deleted: {code}")
                removed += len(batch)
    except ObjectStoreError as error:
        if str(error).endswith(f"{_MISSING}."):
            return 0
        raise OSError(str(error)) from error
    return removed


def _former(client: Any, bucket: str, prefix: str) -> Iterator[dict[str, str]]:
    pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for one in page.get("Versions", []):
            if not one["IsLatest"]:
                yield {"Key": one["Key"], "VersionId": one["VersionId"]}
        # A mark holds the name of a deleted object, and the name of a partition's folder holds its value.
        for one in page.get("DeleteMarkers", []):
            yield {"Key": one["Key"], "VersionId": one["VersionId"]}


@contextmanager
def _client(location: str, options: Mapping[str, str]) -> Iterator[tuple[Any, str, str]]:
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        raise ObjectStoreError(f"{location}: {_MISSING}.") from error
    given, parts = aws_options(options), urlsplit(location)
    client = boto3.client(
        "s3", endpoint_url=given.get("AWS_ENDPOINT_URL"), region_name=given.get("AWS_REGION"),
        aws_access_key_id=given.get("AWS_ACCESS_KEY_ID"), aws_secret_access_key=given.get("AWS_SECRET_ACCESS_KEY"),
        aws_session_token=given.get("AWS_SESSION_TOKEN"),
        config=Config(connect_timeout=5, read_timeout=60, retries={"max_attempts": 3}),
    )  # fmt: skip
    try:
        yield client, parts.netloc, f"{parts.path.strip('/')}/"
    except (BotoCoreError, ClientError) as error:
        raise explained(error, location, options) from error
    finally:
        client.close()


def _is_s3(location: str) -> bool:
    return location.startswith(("s3://", "s3a://"))
