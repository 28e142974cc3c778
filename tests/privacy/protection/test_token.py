import hashlib
import hmac
import multiprocessing
import stat
from pathlib import Path

import pyarrow as pa
import pytest

from privacy.protection.token import Tokenizer, load_tokenizer
from privacy.storage.secret_file import SecretError

SECRET = bytes(range(32))


def test_a_token_equals_the_documented_formula() -> None:
    expected = hmac.new(SECRET, b"email\0kim@example.com", hashlib.sha256).hexdigest()
    assert Tokenizer(SECRET).token("email", " KIM@example.com") == expected


def test_a_column_and_a_single_value_have_the_same_token() -> None:
    values = ["010-1234-5678", None, "01012345678", "nonsense", "010 9999 0000"]
    tokenizer = Tokenizer(SECRET)
    expected = [tokenizer.token("phone", value) if value else None for value in values]
    for array in (pa.array(values), pa.array(values).dictionary_encode()):
        assert tokenizer.tokens("phone", array).to_pylist() == expected
    assert expected[0] == expected[2]
    assert expected[3] is None


def test_numbers_have_the_token_of_their_digits() -> None:
    tokenizer = Tokenizer(SECRET)
    assert tokenizer.tokens("account_no", pa.array([17, None])).to_pylist() == [
        tokenizer.token("account_no", "17"),
        None,
    ]


def test_empty_and_all_null_columns_have_no_tokens() -> None:
    assert Tokenizer(SECRET).tokens("name", pa.array([], pa.string())).to_pylist() == []
    assert Tokenizer(SECRET).tokens("name", pa.array([None], pa.string())).to_pylist() == [None]


def test_tokens_differ_by_kind_and_by_secret() -> None:
    one, other = Tokenizer(SECRET), Tokenizer(bytes(32))
    assert (
        len(
            {
                one.token("name", "x"),
                one.token("email", "x@y"),
                one.token("member_no", "x"),
                other.token("name", "x"),
            }
        )
        == 4
    )


def test_the_secret_is_made_once_and_private(tmp_path: Path) -> None:
    key_file = tmp_path / "secret" / "token.key"
    first = load_tokenizer(key_file).token("name", "김하늘")
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert load_tokenizer(key_file).token("name", "김하늘") == first
    assert [path.name for path in key_file.parent.iterdir()] == ["token.key"]


def test_a_secret_that_others_may_read_is_refused(tmp_path: Path) -> None:
    key_file = tmp_path / "token.key"
    load_tokenizer(key_file)
    key_file.chmod(0o640)
    with pytest.raises(SecretError, match="mode 0640, expected 0600"):
        load_tokenizer(key_file)


@pytest.mark.parametrize(("text", "said"), [("xyz", "hexadecimal"), ("00ff", "got 4 characters")])
def test_a_damaged_secret_is_refused_and_not_replaced(tmp_path: Path, text: str, said: str) -> None:
    key_file = tmp_path / "token.key"
    key_file.write_text(text)
    key_file.chmod(0o600)
    with pytest.raises(SecretError, match=said):
        load_tokenizer(key_file)
    assert key_file.read_text() == text


def _token(key_file: Path) -> str | None:
    return load_tokenizer(key_file).token("name", "x")


def test_two_processes_agree_on_the_first_secret(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert len(set(pool.map(_token, [tmp_path / "token.key"] * 6))) == 1


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SecretError, match="cannot read or create"):
        load_tokenizer(tmp_path / "file" / "token.key")
