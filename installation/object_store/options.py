"""Translates the setting `storage_options` for the libraries that reach an object store.

delta-rs takes the options as they are. Arrow, Sail and Hadoop have other names for the same things.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SYNONYMS = {
    "AWS_ENDPOINT": "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3": "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION": "AWS_REGION",
    "AWS_TOKEN": "AWS_SESSION_TOKEN",
}  # fmt: skip
_ARROW = {
    "AWS_ACCESS_KEY_ID": "access_key", "AWS_SECRET_ACCESS_KEY": "secret_key", "AWS_SESSION_TOKEN": "session_token",
    "AWS_REGION": "region", "AWS_ENDPOINT_URL": "endpoint_override",
}  # fmt: skip
_HADOOP = {
    "AWS_ACCESS_KEY_ID": "access.key", "AWS_SECRET_ACCESS_KEY": "secret.key", "AWS_SESSION_TOKEN": "session.token",
    "AWS_REGION": "endpoint.region", "AWS_ENDPOINT_URL": "endpoint",
}  # fmt: skip
_ANY_REGION = "us-east-1"
"""Region in a signature for a store with an endpoint of its own, which has no regions."""


def aws_options(options: Mapping[str, str]) -> dict[str, str]:
    """Return those options that concern S3, under one name each: `AWS_` and capitals.

    >>> aws_options({"access_key_id": "k", "aws_endpoint": "http://s3:9000"})["AWS_ENDPOINT_URL"]
    'http://s3:9000'
    """
    found = {}
    for name, value in options.items():
        known = f"AWS_{name.upper().removeprefix('AWS_')}"
        found[_SYNONYMS.get(known, known)] = value
    if "AWS_ENDPOINT_URL" in found:
        found.setdefault("AWS_REGION", _ANY_REGION)
    return found


def arrow_options(options: Mapping[str, str]) -> dict[str, Any]:
    """Return the parameters of Arrow's file system for S3."""
    given = aws_options(options)
    found: dict[str, Any] = {_ARROW[name]: value for name, value in given.items() if name in _ARROW}
    if _is_true(given.get("AWS_SKIP_SIGNATURE")):
        found["anonymous"] = True
    if _is_true(given.get("AWS_VIRTUAL_HOSTED_STYLE_REQUEST")) and "endpoint_override" in found:
        found["force_virtual_addressing"] = True
    return found


def engine_environment(options: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables by which Sail's server finds the store.

    Two names of the endpoint, because its Delta reader and its other readers take different ones.
    """
    given = aws_options(options) if options else {}
    if "AWS_ENDPOINT_URL" in given:
        given["AWS_ENDPOINT"] = given["AWS_ENDPOINT_URL"]
    return given


def hadoop_options(options: Mapping[str, str]) -> dict[str, str]:
    """Return the configuration of Hadoop's S3A file system, which Spark uses, also for s3:// URLs."""
    given = aws_options(options)
    found = {f"fs.s3a.{_HADOOP[name]}": value for name, value in given.items() if name in _HADOOP}
    found["fs.s3.impl"] = found["fs.s3a.impl"] = "org.apache.hadoop.fs.s3a.S3AFileSystem"
    if "AWS_ENDPOINT_URL" in given:
        found["fs.s3a.path.style.access"] = str(not _is_true(given.get("AWS_VIRTUAL_HOSTED_STYLE_REQUEST"))).lower()
        found["fs.s3a.connection.ssl.enabled"] = str(given["AWS_ENDPOINT_URL"].startswith("https")).lower()
    if "AWS_ACCESS_KEY_ID" in given:
        kind = "Temporary" if "AWS_SESSION_TOKEN" in given else "Simple"
        found["fs.s3a.aws.credentials.provider"] = f"org.apache.hadoop.fs.s3a.{kind}AWSCredentialsProvider"
    return found


def _is_true(value: str | None) -> bool:
    return (value or "").lower() in ("true", "1", "yes", "on")
