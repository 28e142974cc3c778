"""Encrypted columns decrypt to the same values; each kind of damage raises an error of its own."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from privacy.protection.errors import (
    LostKeyError,
    ProtectionError,
    TamperedCiphertextError,
)
from privacy.protection.field import FieldCipher, TableColumn
from privacy.protection.key_store import WrappedKeyStore
from tests.privacy.protection.crm_name import PLACE, ROWS, VALUES, encrypted


def test_decryption_returns_the_encrypted_values(store: WrappedKeyStore) -> None:
    sealed = encrypted(store)
    assert FieldCipher(store).decrypt(sealed, ROWS, PLACE).to_pylist() == VALUES.to_pylist()
    assert not any("하늘".encode() in value or b"neul" in value for value in sealed.to_pylist() if value)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])), max_size=8))
def test_decryption_returns_any_text(store: WrappedKeyStore, texts: list[str | None]) -> None:
    owners = pa.array([f"o{i % 3}" for i in range(len(texts))], pa.string())
    rows = pa.array(range(len(texts)), pa.int64())
    sealed = FieldCipher(store).encrypt(pa.array(texts, pa.string()), owners, rows, PLACE)
    assert FieldCipher(store).decrypt(sealed, rows, PLACE).to_pylist() == texts


def test_values_of_a_person_share_one_key_and_others_have_another(store: WrappedKeyStore) -> None:
    first, second, _, third = encrypted(store).to_pylist()
    assert first[1:17] == third[1:17] != second[1:17]
    assert store.status().data_keys == 2


def test_equal_values_have_different_ciphertexts(store: WrappedKeyStore) -> None:
    same = pa.array(["x", "x"])
    one, other = FieldCipher(store).encrypt(same, pa.array(["p", "p"]), pa.array(["1", "2"]), PLACE).to_pylist()
    assert one[29:] != other[29:]


@pytest.mark.parametrize("place", [TableColumn("bronze/other", "name"), TableColumn("bronze/crm_customer", "email")])
def test_a_ciphertext_moved_to_another_column_is_refused(store: WrappedKeyStore, place: TableColumn) -> None:
    with pytest.raises(TamperedCiphertextError):
        FieldCipher(store).decrypt(encrypted(store), ROWS, place)


def test_a_ciphertext_moved_to_another_row_is_refused(store: WrappedKeyStore) -> None:
    with pytest.raises(TamperedCiphertextError, match="position 0"):
        FieldCipher(store).decrypt(encrypted(store), pa.array(["b", "a", "c", "d"]), PLACE)


def test_any_changed_byte_is_refused(store: WrappedKeyStore) -> None:
    sealed, rows = encrypted(store).to_pylist()[0], pa.array(["a"])
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises((TamperedCiphertextError, LostKeyError)) as caught:
            FieldCipher(store).decrypt(pa.array([bytes(changed)]), rows, PLACE)
        assert isinstance(caught.value, LostKeyError) == (1 <= position < 17)
    for cut in (sealed[:-1], sealed[:20], b""):
        with pytest.raises(TamperedCiphertextError):
            FieldCipher(store).decrypt(pa.array([cut], pa.binary()), rows, PLACE)


def test_a_value_without_owner_is_refused(store: WrappedKeyStore) -> None:
    with pytest.raises(ProtectionError, match="without an owner"):
        FieldCipher(store).encrypt(pa.array(["x"]), pa.array([None], pa.string()), pa.array(["1"]), PLACE)
