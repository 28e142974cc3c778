"""Protection: what encrypting and decrypting a column of identifiers costs, by itself and beside making its tokens."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench.claim import of_runs
from privacy.protection.field import FieldCipher, Place
from privacy.protection.key_store import SqliteKeyStore
from privacy.protection.key_wrapper import FileKeyWrapper
from privacy.protection.token import Tokenizer

RUNS = 5
PLACE = Place("bronze/crm_customer", "phone")


def seconds_of(work: Callable[[], object]) -> float:
    """Seconds that a function without arguments takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> int:
    """Measure values of known owners (the keys are there), then the making of keys, rotation and destruction."""
    quick = "--quick" in sys.argv
    size, owners = (5_000, 500) if quick else (200_000, 20_000)
    rng = np.random.default_rng(1)
    values = pa.array([f"010-{n // 10000:04}-{n % 10000:04}" for n in rng.integers(0, 10**8, size).tolist()])
    names = pa.array([f"crm:{n:032x}" for n in rng.integers(0, owners, size).tolist()])
    rows = pa.array(np.char.add("row", np.arange(size).astype(str)))
    with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as folder:
        store = SqliteKeyStore(Path(folder) / "keys.db", FileKeyWrapper(Path(folder) / "kek.json"))
        cipher = FieldCipher(store)
        made = seconds_of(lambda: store.keys_of(names.unique().to_pylist()))
        of_runs(f"making {owners:,} data keys", [made], "s").tell()
        sealed = cipher.encrypt(values, names, rows, PLACE)
        turns = range(1 if quick else RUNS)
        tokens = Tokenizer(bytes(32))
        written = [seconds_of(lambda: cipher.encrypt(values, names, rows, PLACE)) for _ in turns]
        tokenised = [seconds_of(lambda: tokens.tokens("phone", values)) for _ in turns]
        read = [seconds_of(lambda: cipher.decrypt(sealed, rows, PLACE)) for _ in turns]
        of_runs(f"encrypting {size:,} values", written, "s", others=tokenised, peer="making their tokens").tell()
        of_runs(f"decrypting {size:,} values", read, "s").tell()
        of_runs(f"rotating {owners:,} data keys", [seconds_of(store.rotate)], "s").tell()
        thousand = names.unique().to_pylist()[: min(1000, owners)]
        of_runs("destroying the keys of 1,000 persons", [seconds_of(lambda: store.destroy(thousand))], "s").tell()
        store.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
