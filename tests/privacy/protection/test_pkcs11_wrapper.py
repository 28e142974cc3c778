"""The key store with its key-encryption key in a real PKCS#11 module, Debian's SoftHSM 2."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from privacy.protection.errors import LostKeyError, ProtectionError, WrongKeyError
from privacy.protection.field import FieldCipher, TableColumn
from privacy.protection.key_store import WrappedKeyStore
from tests.engines import require_or_skip

if TYPE_CHECKING:
    from privacy.protection.pkcs11_wrapper import Pkcs11KeyWrapper

MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so")
PLACE = TableColumn("bronze/crm_customer", "name")
VALUES, OWNERS, ROWS = pa.array(["김하늘", "Kim"]), pa.array(["1", "2"]), pa.array(["a", "b"])


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """SoftHSM with two new tokens. It reads its configuration only once per process."""
    found = next((Path(path) for path in MODULES if Path(path).exists()), None)
    if found is None or shutil.which("softhsm2-util") is None:
        require_or_skip("hsm", "SoftHSM 2 is not installed (apt-get install softhsm2)")
    try:
        import pkcs11  # noqa: F401
    except ImportError:
        require_or_skip("hsm", "python-pkcs11 is not installed (the extra `hsm`)")
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    for label in ("ours", "other"):
        initialise = ["softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", "1234", "--pin", "5678"]
        subprocess.run(initialise, check=True, capture_output=True)
    assert found is not None
    yield found
    if before is None:
        del os.environ["SOFTHSM2_CONF"]
    else:
        os.environ["SOFTHSM2_CONF"] = before


@pytest.fixture
def wrapper(module: Path) -> Iterator[Pkcs11KeyWrapper]:
    from privacy.protection.pkcs11_wrapper import Pkcs11KeyWrapper

    opened = Pkcs11KeyWrapper(module, "ours", "5678")
    yield opened
    opened.close()


def test_values_are_readable_before_and_after_a_rotation(wrapper: Pkcs11KeyWrapper, tmp_path: Path) -> None:
    store = WrappedKeyStore(tmp_path / "keys.db", wrapper)
    sealed = FieldCipher(store).encrypt(VALUES, OWNERS, ROWS, PLACE)
    before = wrapper.current()
    assert store.rotate() == 2
    assert wrapper.versions() == (wrapper.current(),) != (before,)
    store.close()
    again = WrappedKeyStore(tmp_path / "keys.db", wrapper)
    assert FieldCipher(again).decrypt(sealed, ROWS, PLACE).to_pylist() == VALUES.to_pylist()
    again.close()


def test_the_key_never_leaves_the_module(wrapper: Pkcs11KeyWrapper) -> None:
    from pkcs11 import Attribute
    from pkcs11.exceptions import PKCS11Error

    key = wrapper._key(wrapper.current())
    assert key[Attribute.SENSITIVE]
    assert not key[Attribute.EXTRACTABLE]
    with pytest.raises(PKCS11Error):
        key[Attribute.VALUE]


def test_a_changed_wrapping_and_another_context_are_refused(wrapper: Pkcs11KeyWrapper) -> None:
    wrapped = wrapper.wrap(bytes(32), b"context")
    assert wrapper.unwrap(wrapper.current(), wrapped, b"context") == bytes(32)
    with pytest.raises(WrongKeyError):
        wrapper.unwrap(wrapper.current(), wrapped, b"another")
    with pytest.raises(WrongKeyError):
        wrapper.unwrap(wrapper.current(), wrapped[:-1] + bytes([wrapped[-1] ^ 1]), b"context")


def test_the_key_encryption_key_of_another_token_is_refused_as_lost(
    wrapper: Pkcs11KeyWrapper, module: Path, tmp_path: Path
) -> None:
    from privacy.protection.pkcs11_wrapper import Pkcs11KeyWrapper

    WrappedKeyStore(tmp_path / "keys.db", wrapper).close()
    other = Pkcs11KeyWrapper(module, "other", "5678")
    with pytest.raises(LostKeyError, match="no key-encryption key"):
        WrappedKeyStore(tmp_path / "keys.db", other)
    other.close()


def test_an_unknown_token_and_a_missing_module_are_named(module: Path, tmp_path: Path) -> None:
    from privacy.protection.pkcs11_wrapper import Pkcs11KeyWrapper

    with pytest.raises(ProtectionError, match="NoSuchToken"):
        Pkcs11KeyWrapper(module, "nowhere", "5678")
    with pytest.raises(ProtectionError, match="refused"):
        Pkcs11KeyWrapper(module, "ours", "0000")


def test_two_wrappers_of_a_process_share_a_login(module: Path, tmp_path: Path) -> None:
    from privacy.protection.pkcs11_wrapper import Pkcs11KeyWrapper

    first, second = (Pkcs11KeyWrapper(module, "ours", "5678") for _ in range(2))
    with pytest.raises(ProtectionError, match="PinIncorrect"):
        Pkcs11KeyWrapper(module, "ours", "9999")
    first.close()
    assert second.unwrap(second.current(), second.wrap(bytes(32), b"x"), b"x") == bytes(32)
    second.close()
    third = Pkcs11KeyWrapper(module, "ours", "5678")
    assert third.versions()
    third.close()
