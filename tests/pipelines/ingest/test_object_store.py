"""Objects of a bucket are loaded like landed files, once, from a real S3 server in a process of its own."""

from __future__ import annotations

import gzip
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from installation.contract.document import load_contracts
from installation.source_credential import SourceCredential
from pipelines.ingest import object_store
from pipelines.ingest.load_option import LoadOptions
from pipelines.ingest.load_result import LoadResult
from pipelines.ingest.source_load import ingest_source
from tests.database_server import free_port
from tests.engines import require_or_skip
from tests.pipelines.ingest.shop import NOW, Shop, csv_of, sale

pytest.importorskip("boto3")
KEY = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A server that speaks S3. It runs in its own process, because Arrow's threads wait for it."""
    try:
        import moto.server  # noqa: F401
    except ImportError:
        require_or_skip("s3", "the package moto is not installed")
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


@dataclass
class BucketShop:
    """A source that lies in the bucket `shop`."""

    shop: Shop
    client: Any
    endpoint: str
    credential: SourceCredential | None
    location: str = "s3://shop/sale/*.csv"

    def put(self, key: str, content: str | bytes) -> None:
        self.client.put_object(Bucket="shop", Key=key, Body=content)

    def load(self) -> LoadResult:
        contract = self.shop.contract_with()
        path = contract.path
        text = path.read_text("utf-8").replace("type: local", "type: s3", 1)
        text = text.replace("path: sale/*", f"location: {self.location}\n    endpointUrl: {self.endpoint}", 1)
        path.write_text(text, "utf-8")
        contract = load_contracts([path.parent]).source("sale")
        credentials = {} if self.credential is None else {"landing": self.credential}
        options = LoadOptions(
            credentials=credentials, storage_options={"AWS_ACCESS_KEY_ID": "other", "AWS_ALLOW_HTTP": "true"},
            fetch_dir=self.shop.folder / "fetch",
        )  # fmt: skip
        shared = self.shop.lakehouse, self.shop.landing, self.shop.protection, lambda: NOW
        return ingest_source(contract, *shared, options)


@pytest.fixture
def bucket(shop: Shop, endpoint: str) -> BucketShop:
    import boto3
    from botocore.exceptions import BotoCoreError

    client = boto3.client("s3", endpoint_url=endpoint, **KEY)
    for _ in range(300):
        try:
            client.create_bucket(Bucket="shop")
            break
        except BotoCoreError:
            time.sleep(0.1)
    for found in client.list_objects_v2(Bucket="shop").get("Contents", []):
        client.delete_object(Bucket="shop", Key=found["Key"])
    (shop.folder / "password").write_text("secret")
    (shop.folder / "password").chmod(0o600)
    return BucketShop(shop, client, endpoint, SourceCredential(user="key", password_file=shop.folder / "password"))


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects of this test count as written long ago."""
    monkeypatch.setattr(object_store, "SETTLED_NS", -(10**18))


def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the names of the objects that are fetched from here on."""
    names: list[str] = []
    original = object_store._fetch
    monkeypatch.setattr(object_store, "_fetch", lambda *given: names.append(given[1].base_name) or original(*given))
    return names


def test_objects_are_loaded_once_and_fetched_once(
    bucket: BucketShop, settled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = fetched(monkeypatch)
    bucket.put("sale/a.csv", csv_of(sale(1)))
    bucket.put("sale/b.csv.gz", gzip.compress(csv_of(sale(2)).encode()))
    bucket.put("sale/.hidden.csv", csv_of(sale(3)))
    bucket.put("sale/deep/c.csv", csv_of(sale(4)))
    bucket.put("sale/notes.txt", "no sales")
    first = bucket.load()
    assert (first.files_new, first.faults, bucket.shop.ids()) == (2, (), ["s1", "s2"])
    bucket.put("sale/again.csv", csv_of(sale(1)))
    bucket.put("sale/d.csv", csv_of(sale(5)))
    second = bucket.load()
    assert (second.files_new, second.rows_added, bucket.shop.ids()) == (1, 1, ["s1", "s2", "s5"])
    assert sorted(names) == ["a.csv", "again.csv", "b.csv.gz", "d.csv"]
    assert [path for path in (bucket.shop.folder / "fetch").rglob("*") if path.suffix != ".json"] == []


def test_without_the_memory_objects_are_fetched_again_and_nothing_is_loaded_twice(
    bucket: BucketShop, settled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("sale/a.csv", csv_of(sale(1)))
    bucket.load()
    (bucket.shop.folder / "fetch" / "sale.json").unlink()
    names = fetched(monkeypatch)
    again = bucket.load()
    assert (again.files_seen, again.files_new, again.rows_added, names) == (1, 0, 0, ["a.csv"])


def test_an_object_that_was_written_again_is_fetched_again(bucket: BucketShop) -> None:
    bucket.put("sale/a.csv", csv_of(sale(1)))
    bucket.load()
    # In the same second and with the same size.
    bucket.put("sale/a.csv", csv_of(sale(2)))
    assert bucket.load().rows_added == 1
    assert bucket.shop.ids() == ["s1", "s2"]


def test_a_bad_object_is_refused_and_the_others_are_loaded(bucket: BucketShop, settled: None) -> None:
    bucket.put("sale/a.csv", csv_of(sale(1)))
    bucket.put("sale/b.csv", "nothing,of,this\n1,2,3\n")
    for _ in range(2):
        result = bucket.load()
        assert [file.file for file in result.refused] == ["b.csv"]
        assert bucket.shop.ids() == ["s1"]
    assert len(bucket.shop.quarantine()) == 1


@pytest.mark.parametrize("fault", ["no answer", "no bucket", "open file"])
def test_a_bucket_that_cannot_be_read_is_refused_with_the_reason(bucket: BucketShop, fault: str) -> None:
    bucket.put("sale/a.csv", csv_of(sale(1)))
    good = bucket.endpoint, bucket.location
    if fault == "no answer":
        bucket.endpoint = f"http://127.0.0.1:{free_port()}"
    elif fault == "no bucket":
        bucket.location = "s3://nowhere/sale/*.csv"
    else:
        (bucket.shop.folder / "password").chmod(0o644)
    for _ in range(2):
        result = bucket.load()
        assert len(result.refused) == 1
        assert ("chmod 600" if fault == "open file" else "cannot be listed") in result.refused[0].reason
        assert "secret" not in result.refused[0].reason
    assert len(bucket.shop.quarantine()) == 1
    bucket.endpoint, bucket.location = good
    (bucket.shop.folder / "password").chmod(0o600)
    result = bucket.load()
    assert (result.refused, result.rows_added) == ((), 1)


def test_a_key_cannot_leave_the_folder(bucket: BucketShop) -> None:
    bucket.location = "s3://shop/**/*.csv"
    bucket.put("sale/../../escaped.csv", csv_of(sale(1)))
    bucket.put("sale/a.csv", csv_of(sale(2)))
    bucket.load()
    assert bucket.shop.ids() == ["s2"]
    assert list(bucket.shop.folder.rglob("escaped*")) == []


def test_fetched_objects_are_private_while_they_are_loaded(bucket: BucketShop, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    original = object_store.find_files
    monkeypatch.setattr(
        object_store,
        "find_files",
        lambda folder, pattern: seen.append(folder.stat().st_mode) or original(folder, pattern),
    )
    bucket.put("sale/a.csv", csv_of(sale(1)))
    bucket.load()
    assert {mode & 0o777 for mode in seen} == {0o700}
    assert list((bucket.shop.folder / "fetch").glob("*.objects")) == []
