"""Measures the time to encrypt and decrypt a column of identifiers, and the time that encryption adds to a run.

For the second figure the same landed files are loaded twice: with the unchanged contracts, and with contracts without
confidential columns. The difference is compared with the time of `bojagi run` on these files.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa

from bench.claim import of_runs
from bench.engines import BOJAGI
from bench.options import make_parser, runs_of
from bench.process import run_measured
from installation.clock import wall_clock
from installation.contract.document import Contract, load_contracts
from installation.installation import Installation
from installation.lakehouse.lakehouse import Lakehouse
from installation.settings import load_settings
from pipelines.ingest.source_load import ingest_source
from privacy.protection.field import FieldCipher, TableColumn
from privacy.protection.key_store import WrappedKeyStore
from privacy.protection.key_wrapper import FileKeyWrapper
from privacy.protection.token import Tokenizer

RUNS = 5
COLUMN = TableColumn("bronze/crm_customer", "phone")


def seconds_of(work: Callable[[], object]) -> float:
    """Return the seconds that a function without arguments takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def without_confidential(contract: Contract) -> Contract:
    """Return the contract without confidential columns."""
    columns = tuple(replace(column, role="none", hides_text=False) for column in contract.columns)
    return replace(contract, columns=columns, subject_key=None)


def load_all(landing: Path, contracts: list[Contract]) -> float:
    """Return the seconds that loading the sources into an empty lakehouse takes."""
    with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as folder:
        lakehouse = Lakehouse(f"{folder}/lakehouse")
        with Installation(load_settings(data_dir=Path(folder))) as opened:
            return seconds_of(
                lambda: [ingest_source(one, lakehouse, landing, opened.protection, wall_clock) for one in contracts]
            )


def measure_run(quick: bool) -> None:
    """Print the time that encryption adds to a whole run."""
    sources = [contract for contract in load_contracts().sources if contract.subject_key]
    with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as folder:
        data = Path(folder)
        subprocess.run([*BOJAGI, "simulate", "--out", folder, *(["--households", "50"] if quick else [])], check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip
        whole = [run_measured([*BOJAGI, "run", "--data", folder]).seconds]
        plain = [without_confidential(contract) for contract in sources]
        pairs = [(load_all(data / "landing", sources), load_all(data / "landing", plain)) for _ in range(3)]
    of_runs("loading the sources about persons", [ours for ours, _ in pairs], "s",
            others=[theirs for _, theirs in pairs], peer="the same without encryption").print_json()  # fmt: skip
    added = median(ours - theirs for ours, theirs in pairs)
    of_runs("bojagi run without its simulation", whole, "s", others=[seconds - added for seconds in whole],
            peer="the same without encryption", bar=1.25, on_ratio=True).print_json()  # fmt: skip


def main() -> int:
    """Measure encryption with existing keys, then the creation, rotation and destruction of keys."""
    options = make_parser(__doc__).parse_args()
    measure_run(options.quick)
    size, owners = (5_000, 500) if options.quick else (200_000, 20_000)
    rng = np.random.default_rng(1)
    values = pa.array([f"010-{n // 10000:04}-{n % 10000:04}" for n in rng.integers(0, 10**8, size).tolist()])
    names = pa.array([f"crm:{n:032x}" for n in rng.integers(0, owners, size).tolist()])
    rows = pa.array(np.char.add("row", np.arange(size).astype(str)))
    with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as folder:
        store = WrappedKeyStore(Path(folder) / "keys.db", FileKeyWrapper(Path(folder) / "kek.json"))
        cipher = FieldCipher(store)
        made = seconds_of(lambda: store.keys_of(names.unique().to_pylist()))
        of_runs(f"making {owners:,} data keys", [made], "s").print_json()
        encrypted = cipher.encrypt(values, names, rows, COLUMN)
        turns = range(runs_of(options, RUNS))
        tokens = Tokenizer(bytes(32))
        written = [seconds_of(lambda: cipher.encrypt(values, names, rows, COLUMN)) for _ in turns]
        tokenised = [seconds_of(lambda: tokens.tokens("phone", values)) for _ in turns]
        read = [seconds_of(lambda: cipher.decrypt(encrypted, rows, COLUMN)) for _ in turns]
        of_runs(f"encrypting {size:,} values", written, "s", others=tokenised, peer="making their tokens").print_json()
        of_runs(f"decrypting {size:,} values", read, "s").print_json()
        of_runs(f"rotating {owners:,} data keys", [seconds_of(store.rotate)], "s").print_json()
        thousand = names.unique().to_pylist()[: min(1000, owners)]
        of_runs("destroying the keys of 1,000 persons", [seconds_of(lambda: store.destroy(thousand))], "s").print_json()
        store.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
