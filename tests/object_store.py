"""An S3 server for tests, and the settings that reach it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.database_server import s3_server


@dataclass(frozen=True)
class ObjectStore:
    """A running server: its URL, a client of another library, and the setting `storage_options`."""

    endpoint: str
    client: Any

    @property
    def options(self) -> dict[str, str]:
        """The storage options that are right."""
        return {
            "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.endpoint, "AWS_ALLOW_HTTP": "true",
        }  # fmt: skip

    def new_bucket(self, name: str, *, keeps_versions: bool = False) -> str:
        """Make a bucket and return its URL."""
        self.client.create_bucket(Bucket=name)
        if keeps_versions:
            self.client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return f"s3://{name}"

    def keys(self, bucket: str) -> list[str]:
        """Return the keys of all objects of a bucket, sorted."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return sorted(one["Key"] for page in pages for one in page.get("Contents", []))


@contextmanager
def object_store(**environment: str) -> Iterator[ObjectStore]:
    """Run an S3 server for the block."""
    with s3_server(environment) as (endpoint, client):
        yield ObjectStore(endpoint, client)
