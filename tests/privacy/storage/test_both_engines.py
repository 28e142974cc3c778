"""Keys, erased persons, corrections, requests, releases and documents: the same on a file and on PostgreSQL."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from privacy.anonymity.registry import ReleaseRegistry
from privacy.protection.correction_list import CorrectionList
from privacy.protection.errors import DamagedStoreError, DestroyedKeyError, LostKeyError, RolledBackStoreError
from privacy.protection.field import FieldCipher
from privacy.protection.key_store import WrappedKeyStore
from privacy.protection.key_wrapper import FileKeyWrapper
from privacy.protection.suppression import FOR_EVER, Suppressed, SuppressionError, SuppressionList
from privacy.rights.errors import RequestStoreError
from privacy.rights.request_store import RequestStore
from privacy.storage.database import open_database
from privacy.storage.document_store import DatabaseDocuments, DocumentStore, FolderDocuments
from tests.privacy.anonymity.test_registry import make_people, make_spec
from tests.privacy.protection.crm_name import PLACE, ROWS, VALUES, encrypted
from tests.store_place import StorePlace

KEY = bytes(range(32))
NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def wrapper(tmp_path: Path) -> FileKeyWrapper:
    return FileKeyWrapper(tmp_path / "kek.json")


def open_keys(
    place: StorePlace, wrapper: FileKeyWrapper, machine: str = "one", *, joins: bool = False
) -> WrappedKeyStore:
    folder = place.folder / machine
    folder.mkdir(exist_ok=True)
    return WrappedKeyStore(place.of("keys.db"), wrapper, folder / "keys.anchor", joins=joins)


def test_keys_are_made_once_destroyed_for_all_and_rotated(store_place: StorePlace, wrapper: FileKeyWrapper) -> None:
    store, other = open_keys(store_place, wrapper), open_keys(store_place, wrapper)
    sealed = encrypted(store)
    cipher = FieldCipher(other)
    assert cipher.decrypt(sealed, ROWS, PLACE).to_pylist() == VALUES.to_pylist()
    assert store.keys_of(["crm:1", "crm:2"]) == other.keys_of(["crm:2", "crm:1"])
    assert store.rotate() == 2
    assert cipher.decrypt(sealed, ROWS, PLACE).to_pylist() == VALUES.to_pylist()
    assert store.destroy(["crm:1", "crm:unknown"]) == 1
    with pytest.raises(DestroyedKeyError):
        cipher.decrypt(sealed, ROWS, PLACE)
    left = cipher.decrypt(sealed, ROWS, PLACE, on_destroyed="null")
    assert left.to_pylist() == [None, "Ha-neul Kim", None, None]
    assert (other.status().data_keys, other.status().destroyed) == (1, 1)
    store.close()
    other.close()


@pytest.mark.parametrize(
    "change", ["UPDATE data_key SET wrapped = {w}, owner = 'crm:1' WHERE owner = ''", "UPDATE store SET generation = 9"]
)
def test_a_key_store_that_another_program_changed_is_refused(
    store_place: StorePlace, wrapper: FileKeyWrapper, change: str
) -> None:
    store = open_keys(store_place, wrapper)
    store.keys_of(["crm:1"])
    store.destroy(["crm:1"])
    store.close()
    value = "'\\x00'::bytea" if store_place.is_shared else "x'00'"
    store_place.change("keys.db", change.format(w=value))
    with pytest.raises(RolledBackStoreError, match="was changed by another program"):
        open_keys(store_place, wrapper)


def test_an_emptied_key_store_is_never_begun_anew(postgres_place: StorePlace, wrapper: FileKeyWrapper) -> None:
    open_keys(postgres_place, wrapper).keys_of(["crm:1"])
    with pytest.raises(RolledBackStoreError, match="anchor is missing"):
        open_keys(postgres_place, wrapper, "other")
    open_keys(postgres_place, wrapper, "other", joins=True).close()
    open_keys(postgres_place, wrapper, "other").close()
    postgres_place.change("", "TRUNCATE data_key, store", "UPDATE store_version SET version = 0")
    with pytest.raises(RolledBackStoreError, match="is missing, but its anchor exists"):
        open_keys(postgres_place, wrapper)


@pytest.mark.parametrize("is_broken", [False, True])
def test_a_machine_that_missed_a_rotation_makes_no_key_that_others_cannot_read(
    postgres_place: StorePlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_broken: bool
) -> None:
    first_file, second_file = tmp_path / "first.json", tmp_path / "second.json"
    first = open_keys(postgres_place, FileKeyWrapper(first_file), "first")
    first.keys_of(["crm:1"])
    shutil.copy(first_file, second_file)
    second = open_keys(postgres_place, FileKeyWrapper(second_file, makes=False), "second", joins=True)
    first.rotate()
    if is_broken:
        monkeypatch.setattr(FileKeyWrapper, "use", lambda *_: None)
        second.keys_of(["crm:2"])
        with pytest.raises(DamagedStoreError):
            first.keys_of(["crm:2"])
        return
    with pytest.raises(LostKeyError, match="rotation on another machine, copy this file"):
        second.keys_of(["crm:2"])
    shutil.copy(first_file, second_file)
    assert second.keys_of(["crm:1", "crm:2"]) == first.keys_of(["crm:2", "crm:1"])


def test_erased_persons_are_listed_for_all_and_no_shorter_list_is_accepted(
    store_place: StorePlace, tmp_path: Path
) -> None:
    def opened() -> SuppressionList:
        return SuppressionList(store_place.of("suppression.db"), KEY, tmp_path / "anchor")

    first = opened()
    assert not first
    assert first.add([Suppressed("value", "c_1"), Suppressed("person", "crm:7", dt.datetime(2017, 1, 2))], "s_1") == 2
    second = opened()
    assert second.add([Suppressed("value", "c_2")], "s_2") == 1
    assert first.until("value", pa.array(["c_1", "c_2"])).tolist() == [FOR_EVER, FOR_EVER]
    first.note_clean({"bronze/a": "v1"})
    first.note_clean({"bronze/a": "v2"})
    assert second.clean_places() == {"bronze/a": "v2"}
    first.close()
    second.close()
    store_place.change("suppression.db", "DELETE FROM suppressed WHERE addition = 1")
    with pytest.raises(SuppressionError, match="addition 1 were changed"):
        opened()
    store_place.change("suppression.db", "DELETE FROM suppressed", "DELETE FROM addition")
    with pytest.raises(SuppressionError, match="older copy"):
        opened()


def test_corrections_replace_each_other_and_are_erased(store_place: StorePlace, wrapper: FileKeyWrapper) -> None:
    keys = open_keys(store_place, wrapper)
    listed = CorrectionList(store_place.of("correction.db"), FieldCipher(keys), KEY)
    for value in ("Kim", "Lee"):
        listed.add("crm", ["crm:1", "crm:2"], "name", value, {listed.mark("Kin")}, NOON)
    found = listed.of_persons(["crm:1"])
    assert [(one.value, one.replaces) for one in found] == [("Lee", frozenset({listed.mark("Kin")}))]
    assert len(listed.of_source("crm")) == 2
    assert listed.erase(["crm:1"]) == 1
    assert listed.of_persons(["crm:1"]) == []
    keys.close()
    listed.close()


def test_requests_are_a_chain_and_what_is_sealed_goes_with_its_key(
    store_place: StorePlace, wrapper: FileKeyWrapper, tmp_path: Path
) -> None:
    def opened() -> RequestStore:
        return RequestStore(store_place.of("request.db"), tmp_path / "rights.anchor", KEY, keys)

    keys = open_keys(store_place, wrapper)
    store = opened()
    with store.change():
        reference = store.reference_for(["c_1", "c_2"])
        store.seal("r_1", "statement", b"first")
        store.seal("r_1", "statement", b"second")
    with pytest.raises(AttributeError), store.change():
        store.append(store.reference_for(["c_9"]), "x")  # type: ignore[arg-type]  # no event
    other = opened()
    assert other.references_of(["c_1", "c_2"]) == {reference}
    assert other.references_of(["c_9"]) == set()
    assert other.unseal("r_1", "statement") == b"second"
    store.delete_sealed("r_1")
    assert other.unseal("r_1", "statement") is None
    assert other.sealed_names() == {}
    with other.change():
        assert other.forget_persons([reference], ["c_1"]) == 2
    assert not store.knows_persons([reference], ["c_1", "c_2"])
    for one in (store, other, keys):
        one.close()


def open_documents(place: StorePlace) -> DocumentStore:
    if not place.is_shared:
        return FolderDocuments(place.folder / "documents")
    return DatabaseDocuments(open_database(place.of(""), "", "releases"), "releases")


def test_documents_are_replaced_listed_and_deleted(store_place: StorePlace) -> None:
    documents = open_documents(store_place)
    assert documents.read("a.json") is None
    for content in (b"1", b"2\0\xff"):
        documents.write("b.json", content)
    documents.write("a.json", b"")
    assert documents.names() == ["a.json", "b.json"]
    assert open_documents(store_place).read("b.json") == b"2\0\xff"
    documents.delete("b.json")
    documents.delete("b.json")
    assert documents.names() == ["a.json"]


def test_two_machines_release_versions_that_cannot_be_combined(store_place: StorePlace) -> None:
    everyone = make_people()
    registries = [ReleaseRegistry(open_documents(store_place), KEY, lambda: NOON) for _ in range(2)]
    first = registries[0].release("customers", everyone.iloc[:200], make_spec(), "university")
    second = registries[1].release("customers", everyone, make_spec(), "ministry")
    assert [release.version for release in registries[0].releases("customers")] == [1, 2]
    both, labels = first.index.intersection(second.index), ["region", "sex", "age"]
    assert len(both)
    assert (first.loc[both, labels] == second.loc[both, labels]).all().all()


def test_an_event_that_was_written_without_the_secret_executes_no_request(
    store_place: StorePlace, wrapper: FileKeyWrapper, tmp_path: Path
) -> None:
    keys = open_keys(store_place, wrapper)
    store = RequestStore(store_place.of("request.db"), tmp_path / "rights.anchor", KEY, keys)
    with store.change():
        store._db.execute(
            "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)", (1, "r_1", "s_1", "{}", store._end().next("{}").digest, "x")
        )
    with pytest.raises(RequestStoreError, match="was changed"):
        store.require_sound()
    store.close()
    keys.close()
