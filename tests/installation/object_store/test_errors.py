"""A store that cannot be used is explained by one line that names the right cause."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from installation.errors import LakehouseError
from installation.lakehouse.lakehouse import Lakehouse
from installation.object_store.errors import ObjectStoreError, cause_of, explained
from installation.object_store.place import require_reachable
from tests.database_server import free_port
from tests.object_store import ObjectStore, object_store

QUICKLY = {"max_retries": "1", "retry_timeout": "2s", "backoff_config.init_backoff": "50ms"}


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    """A server that checks credentials; one request, which makes the bucket, is free."""
    with object_store(INITIAL_NO_AUTH_ACTION_COUNT="1") as running:
        running.new_bucket("shop")
        yield running


def options(store: ObjectStore, fault: str) -> dict[str, str]:
    given = store.options | QUICKLY
    if fault == "no server":
        given["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{free_port()}"
    elif fault == "unknown host":
        given["AWS_ENDPOINT_URL"] = "http://no-such-host.invalid:9000"
    elif fault == "plain HTTP":
        del given["AWS_ALLOW_HTTP"]
    return given


CAUSES = {
    "wrong credentials": r"does not accept the credentials\. Correct AWS_ACCESS_KEY_ID",
    "no server": r"no server answers at http://127.0.0.1:\d+\. Start it, correct AWS_ENDPOINT_URL",
    "unknown host": r"the host of http://no-such-host.invalid:9000 is unknown\. Correct AWS_ENDPOINT_URL",
    "plain HTTP": r"is plain HTTP\. Use https, or set AWS_ALLOW_HTTP",
}


@pytest.mark.parametrize("fault", list(CAUSES))
def test_the_message_names_the_cause_and_the_next_step(store: ObjectStore, fault: str) -> None:
    given = options(store, fault)
    for check in (require_reachable, lambda root, options: Lakehouse(root, options).exists("gold/customer_360")):
        with pytest.raises((ObjectStoreError, LakehouseError), match=CAUSES[fault]) as raised:
            check("s3://shop/lakehouse", given)
        message = str(raised.value)
        assert message.startswith("s3://shop/lakehouse cannot be used: ")
        assert "\n" not in message
        assert "disk" not in message


def test_a_missing_bucket_is_named() -> None:
    with object_store() as store:
        with pytest.raises(ObjectStoreError, match=r"bucket nowhere does not exist\. Create it, or correct landing"):
            require_reachable("s3://nowhere/x", store.options, "landing_root")
        with pytest.raises(LakehouseError, match="the bucket nowhere does not exist"):
            Lakehouse("s3://nowhere/x", store.options).exists("gold/sales")
        store.new_bucket("somewhere")
        require_reachable("s3://somewhere/x", store.options)  # the contrast: an empty bucket is no fault


def test_a_folder_is_not_looked_at() -> None:
    require_reachable("/no/such/folder", {})


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("AWS Error ACCESS_DENIED during PutObject operation", "may not use"),
        ("software.amazon.awssdk...: The AWS Access Key Id you provided: InvalidAccessKeyId", "does not accept"),
        ("Error performing PUT http://169.254.169.254/latest/api/token", "no credentials are set"),
        ("<Code>PermanentRedirect</Code>", "another region"),
        ("invalid peer certificate: UnknownIssuer", "certificate"),
        ("java.net.UnknownHostException: minio", "is unknown"),
        ("A header you provided implies functionality: NotImplemented", "no conditional puts"),
    ],
)
def test_texts_of_every_library_are_known(text: str, cause: str) -> None:
    found = cause_of(text)
    assert found is not None
    assert cause in found[0]


def test_an_unknown_text_is_quoted_without_what_changes_from_time_to_time() -> None:
    one, other = (
        str(explained(OSError(f"{{x}} odd (Request ID: {n}) after {n} ms"), "s3://shop/x", {})) for n in (17, 23)
    )
    assert one == other == "s3://shop/x cannot be used: it failed: {x} odd. Check lakehouse_root."
