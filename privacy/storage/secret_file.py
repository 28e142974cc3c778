"""Secret keys in files that only their owner may read, as hexadecimal digits."""

import secrets
import stat
from pathlib import Path

from privacy.errors import PrivacyError
from privacy.storage.atomic_file import create_private

KEY_BYTES = 32


class SecretError(PrivacyError):
    """A secret file cannot be used: others may read it, it cannot be read, or it holds no key."""


def load_key(path: Path) -> bytes:
    """Return the 32-byte key in a file. Creates the file with a random key if there is none.

    Of several processes that create the file at once, all return the key of the first.

    Raises:
        SecretError: others may read the file, it cannot be read or created, or it does not hold 64 hexadecimal digits.
    """
    try:
        if not path.exists():
            create_private(path, f"{secrets.token_hex(KEY_BYTES)}\n")
        text = read_secret(path).strip()
    except OSError as error:
        raise SecretError(f"{path}: cannot read or create the secret: {error.strerror}. Check the folder.") from error
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise SecretError(
            f"{path}: expected {2 * KEY_BYTES} hexadecimal digits, got {len(text)} characters. "
            "Restore the file from your backup."
        )
    return key


def read_secret(path: Path) -> str:
    """Return the text of a secret file, after checking that only its owner may read it.

    Raises:
        SecretError: the file's mode lets others read it.
        OSError: the file cannot be read.
    """
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise SecretError(
            f"{path}: others may read this secret (mode {mode:04o}, expected 0600). Run `chmod 600` on it. "
            "If another user may have read it, treat the secret as known to that user."
        )
    return path.read_text(encoding="ascii", errors="replace")
