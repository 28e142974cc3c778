"""Explains why an object store cannot be used, from the texts of delta-rs, Arrow, Sail and Hadoop."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from installation.errors import InstallationError
from installation.object_store.options import aws_options

_CREDENTIALS = "correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in storage_options"
_CAUSES: tuple[tuple[str, str, str], ...] = (
    (r"NoSuchBucket|NO_SUCH_BUCKET", "the bucket {bucket} does not exist", "create it, or correct {setting}"),
    (
        r"InvalidAccessKeyId|INVALID_ACCESS_KEY_ID|SignatureDoesNotMatch|SIGNATURE_DOES_NOT_MATCH|InvalidToken|"
        r"ExpiredToken|INVALID_CLIENT_TOKEN_ID|INVALID_SIGNATURE|TokenRefreshRequired",
        "the store does not accept the credentials", _CREDENTIALS,
    ),
    (
        r"PermanentRedirect|AuthorizationHeaderMalformed|HTTP status 301|301 Moved|region '[^']*' is wrong",
        "the bucket {bucket} is in another region", "set AWS_REGION in storage_options",
    ),
    (
        r"169\.254\.169\.254|NoCredentials|no providers in chain|Unable to load credentials|an error occurred while "
        r"loading credentials|NoAuthWithAWSException",
        "no credentials are set", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in storage_options",
    ),
    (
        r"AccessDenied|ACCESS_DENIED|AllAccessDisabled|HTTP status 403|necessary privileges|\bForbidden\b",
        "the credentials may not use {place}",
        "allow them to list, read, write and delete there, or set other ones in storage_options",
    ),
    (
        r"URL scheme is not allowed", "the endpoint {endpoint} is plain HTTP",
        'use https, or set AWS_ALLOW_HTTP = "true" in storage_options',
    ),
    (
        r"(?i)certificate|curlCode: (?:35|51|60)\b|ssl|tls handshake", "the certificate of {endpoint} is not accepted",
        "install its authority on this machine, or correct AWS_ENDPOINT_URL in storage_options",
    ),
    (
        r"(?i)dns error|could not resolve|curlCode: 6\b|UnknownHost|name or service not known|failed to lookup",
        "the host of {endpoint} is unknown", "correct AWS_ENDPOINT_URL in storage_options",
    ),
    (
        r"(?i)connection refused|client error \(connect\)|tcp connect|curlCode: (?:7|28|56)\b|timed out|timeout|"
        r"NETWORK_CONNECTION|network is unreachable|connection reset",
        "no server answers at {endpoint}",
        "start it, correct AWS_ENDPOINT_URL in storage_options, or check the network",
    ),
    (
        r"PreconditionFailed|NotImplemented|501 Not Implemented", "the store has no conditional puts",
        "use a store that has them: two writers could overwrite each other's commits",
    ),
)  # fmt: skip
"""Pattern of an error's text, what happened, and what to do next. The first pattern that is found decides."""


class ObjectStoreError(InstallationError):
    """An object store cannot be used. The message names the cause: bucket, credentials, host, or permission."""


def explained(
    error: BaseException, location: str, options: Mapping[str, str], setting: str = "lakehouse_root"
) -> ObjectStoreError:
    """Return an error of one line that names the cause and the next step.

    Args:
        error: what a library raised.
        location: the URL that was used.
        options: the setting `storage_options`; its values are not in the message, except the endpoint.
        setting: name of the setting with the location.
    """
    what, advice = cause_of(str(error)) or ("it failed: " + _first_words(str(error)), f"check {setting}")
    given, parts = aws_options(options), urlsplit(location)
    names = {
        "bucket": parts.netloc, "place": location, "setting": setting,
        "endpoint": given.get("AWS_ENDPOINT_URL", f"Amazon S3 in region {given.get('AWS_REGION', 'us-east-1')}"),
    }  # fmt: skip
    return ObjectStoreError(
        f"{location} cannot be used: {_filled(what, names)}. {_filled(advice[:1].upper() + advice[1:], names)}."
    )


def cause_of(text: str) -> tuple[str, str] | None:
    """Return what happened and what to do next, with placeholders; None if the text has no known cause."""
    return next(((what, advice) for pattern, what, advice in _CAUSES if re.search(pattern, text)), None)


def _filled(text: str, names: Mapping[str, str]) -> str:
    # Not str.format: an unknown error's own words may have braces.
    return re.sub(r"\{(bucket|place|setting|endpoint)\}", lambda found: names[found[1]], text)


def _first_words(text: str) -> str:
    # Without colours, and without the request's id and duration, by which equal reasons would differ.
    plain = re.sub(r"\x1b\[[0-9;]*m|↳|\(Request ID: [^)]*\)|(?:after|in) [\d.]+ ?[mµn]?s\b", " ", text)
    return " ".join(plain.split())[:300].rstrip(".")
