"""Measures the erasure of one person from a whole market, all stores and their verification included.

`python -m bench.rights.market DATA`, with the data folder of a finished `bojagi run`. The folder is copied first.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from bench.claim import Claim
from bench.options import make_parser
from installation.installation import Installation
from installation.settings import load_settings
from pipelines.erasure.lakehouse_store import LakehouseStore
from pipelines.erasure.subject_lookup import find_subject
from pipelines.orchestration.rights_registry import subject_stores
from privacy.rights.subject_store import OutcomeKind


def main() -> None:
    """Copy the folder, erase one member from every store, and verify every store."""
    parser = make_parser(__doc__)
    parser.add_argument("data", type=Path, help="data folder of a finished run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        shutil.copytree(options.data, Path(folder) / "data")
        with Installation(load_settings(data_dir=Path(folder) / "data")) as installation:
            members = installation.lakehouse.select("silver/identifier", "customer_id AS id", "token_kind = 'card_no'")
            started = time.monotonic()
            subjects = [find_subject(installation, min(members["id"].to_pylist()))]
            LakehouseStore(installation).suppress(subjects)
            stores = subject_stores(installation)
            for store in stores:
                began, outcome = time.monotonic(), store.erase(subjects)
                assert outcome.kind is not OutcomeKind.FAILED, outcome.reason
                print(f"{store.name}: erased in {time.monotonic() - began:.1f} s", flush=True)
            for store in stores:
                began, found = time.monotonic(), store.verify(subjects)
                print(
                    f"{store.name}: verified in {time.monotonic() - began:.1f} s", *found.residues, *found.unverifiable
                )
                assert found.is_clean
            seconds, processor = time.monotonic() - started, time.process_time()
            Claim("one person from a whole market, with verification", seconds, "s", bar=120).print_json()
            Claim("processor time of the whole process", processor, "s").print_json()


if __name__ == "__main__":
    main()
