"""Files are copied from and to a folder or an object store alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from installation.object_store.errors import ObjectStoreError
from installation.object_store.options import arrow_options, aws_options, engine_environment, hadoop_options
from installation.object_store.place import list_files, local_copy, local_rest, store
from tests.object_store import ObjectStore, object_store


@pytest.fixture(scope="module")
def running() -> Iterator[ObjectStore]:
    with object_store() as server:
        server.new_bucket("shop")
        yield server


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, dict[str, str]]:
    """An empty place and its options."""
    if request.param == "folder":
        return str(tmp_path / "place"), {}
    server: ObjectStore = request.getfixturevalue("running")
    return f"s3://shop/{tmp_path.name}", server.options


def files(folder: Path) -> dict[str, bytes]:
    return {one.relative_to(folder).as_posix(): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def test_a_folder_comes_back_as_it_was_stored(place: tuple[str, dict[str, str]], tmp_path: Path) -> None:
    folder = tmp_path / "own"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.csv").write_bytes(b"a" * 70_000)
    (folder / "sub" / "b=1 2%3.txt").write_bytes(b"")
    assert store(folder, *place) == 2
    assert list(list_files(*place)) == ["a.csv", "sub/b=1 2%3.txt"]
    with local_copy(*place) as copy:
        assert files(copy) == files(folder)
        assert copy.stat().st_mode & 0o077 == 0 or "://" not in place[0]
    assert copy.exists() == ("://" not in place[0])
    with local_rest(*place, ["sub"]) as rest:
        assert [one.read_bytes() for one in rest] == [b"a" * 70_000]
    with local_copy(f"{place[0]}/a.csv", place[1]) as copy:
        assert (copy.name, copy.read_bytes()) == ("a.csv", b"a" * 70_000)


def test_an_empty_place_has_no_files(place: tuple[str, dict[str, str]]) -> None:
    assert list_files(*place) == {}


def test_nothing_is_copied_from_a_missing_place_or_to_a_place_outside(running: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(ObjectStoreError, match="does not exist"), local_copy("s3://shop/missing", running.options):
        raise AssertionError
    running.client.put_object(Bucket="shop", Key="bad/../../escaped", Body=b"x")
    with pytest.raises(ObjectStoreError, match=r"\.\. in its name"), local_copy("s3://shop/bad", running.options):
        raise AssertionError
    with pytest.raises(ObjectStoreError, match="the bucket nowhere does not exist"):
        store(tmp_path, "s3://nowhere/x", running.options) or store(Path(__file__), "s3://nowhere/x", running.options)


def test_options_are_translated_for_each_library() -> None:
    given = {
        "access_key_id": "k",
        "AWS_SECRET_ACCESS_KEY": "s",
        "endpoint": "http://minio:9000",
        "aws_allow_http": "true",
    }
    assert aws_options(given)["AWS_REGION"] == "us-east-1"
    assert arrow_options(given) == {
        "access_key": "k", "secret_key": "s", "endpoint_override": "http://minio:9000", "region": "us-east-1",
    }  # fmt: skip
    assert engine_environment(given)["AWS_ENDPOINT"] == engine_environment(given)["AWS_ENDPOINT_URL"]
    hadoop = hadoop_options(given)
    assert hadoop["fs.s3a.access.key"] == "k"
    assert hadoop["fs.s3a.path.style.access"] == "true"
    assert hadoop["fs.s3a.connection.ssl.enabled"] == "false"
    assert engine_environment({}) == {}
