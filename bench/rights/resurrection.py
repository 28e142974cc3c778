"""Measures resurrection: erased persons come back after no replay of files, no backfill and no restored backup.

`python -m bench.rights.resurrection`. A market is simulated and run. Persons are erased from tables, landing folder and
truth. Then the whole pipeline runs again three times: after the landed files were put back as they were and under other
names, after every derived table was deleted so that all its partitions are built again, and after a copy of the data
folder from before the erasure was put back. After each run, the independent judge reads every row of every table.
The claim: rows of erased persons (0). A negative control runs the restore without the suppression list, and finds them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from bench.claim import Claim
from bench.options import make_parser
from installation.installation import Installation
from installation.lakehouse.rows import select
from installation.settings import load_settings
from pipelines.erasure.delta_history import find_tables
from pipelines.erasure.subject_lookup import find_subject
from pipelines.orchestration.rights_registry import subject_stores
from privacy.rights.subject import Subject
from privacy.rights.subject_store import OutcomeKind

KEPT = ("silver/identity_decision", "silver/identity_event", "silver/identity_model", "silver/identifier")


def main() -> None:
    """Simulate, run, erase; put back and run again."""
    options = make_parser(__doc__).parse_args()
    people = 3 if options.quick else 10
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        data, secret, backup = (Path(folder) / name for name in ("data", "secret", "backup"))
        pipeline(data, secret, "simulate", "--households", "12" if options.quick else "40")
        pipeline(data, secret, "run")
        shutil.copytree(data, backup)
        subjects = erase(data, secret, people)
        changes: dict[str, Callable[[], None]] = {
            "replay of landing files": lambda: put_back_landing(data, backup),
            "backfill of every partition": lambda: delete_derived(data),
            "restore of a backup": lambda: restore(data, backup),
        }
        for name, change in changes.items():
            change()
            pipeline(data, secret, "run")
            Claim(
                f"rows of {people} erased persons after {name}", found(data, secret, subjects), "rows", bar=0
            ).print_json()
        restore(data, backup)
        for path in secret.glob("suppression.db*"):
            path.unlink()
        pipeline(data, secret, "run")
        control = found(data, secret, subjects)
        print(f"negative control, restore without the suppression list: {control} rows", flush=True)
        assert control, "the judge must find persons who were brought back"


def pipeline(data: Path, secret: Path, *words: str) -> None:
    """Run a command of the pipeline in a process of its own."""
    environment = {"BOJAGI_DATA_DIR": str(data), "BOJAGI_SECRET_DIR": str(secret), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *words], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]


def erase(data: Path, secret: Path, people: int) -> list[Subject]:
    """Erase some members from tables, files and truth; return them."""
    with Installation(load_settings(data_dir=data, secret_dir=secret)) as installation:
        members = installation.lakehouse.select("silver/identifier", "customer_id AS id", "token_kind = 'member_no'")
        chosen = sorted(set(members["id"].to_pylist()))[:: max(1, members.num_rows // people)][:people]
        subjects = [find_subject(installation, one) for one in chosen]
        for store in subject_stores(installation):
            assert store.erase(subjects).kind is not OutcomeKind.FAILED, store.name
        for store in subject_stores(installation):
            assert store.verify(subjects).is_clean, store.name
        return subjects


def put_back_landing(data: Path, backup: Path) -> None:
    """Put the landed files back as they were, and once more under other names."""
    shutil.rmtree(data / "landing")
    shutil.copytree(backup / "landing", data / "landing")
    for path in sorted((data / "landing").rglob("*.csv")):
        # One byte more, so that it is another file.
        path.with_name(f"again-{path.name}").write_bytes(path.read_bytes() + b"\n")


def delete_derived(data: Path) -> None:
    """Delete the derived tables, so that every day is built again from bronze."""
    for layer in ("silver", "gold"):
        for table in (data / "lakehouse" / layer).iterdir():
            if f"{layer}/{table.name}" not in KEPT:
                shutil.rmtree(table)


def restore(data: Path, backup: Path) -> None:
    """Put back the data folder; the secrets are elsewhere, as in production.

    The audit log stays: with an older one than its anchor, every read is refused.
    """
    for path in data.iterdir():
        if path.name == "audit":
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(
        backup, data, dirs_exist_ok=True, ignore=lambda folder, _: ["audit"] if folder == str(backup) else []
    )


def found(data: Path, secret: Path, subjects: list[Subject]) -> int:
    """Return the number of rows of the persons in the newest version of every table: by id, token and visit."""
    values = {one for subject in subjects for one in subject.customer_ids}
    values |= {token for subject in subjects for kind, token in subject.tokens if kind != "order_id"}
    wanted = pa.array(sorted(values), pa.string())
    rows = 0
    with Installation(load_settings(data_dir=data, secret_dir=secret)) as installation:
        for location in find_tables(installation.lakehouse.root):
            if location.endswith(("promotion", "promotions")):
                continue  # twenty million rows without persons
            table = select(DeltaTable(location), "*")
            texts = [name for name in table.column_names if pa.types.is_string(table.schema.field(name).type)]
            hits = [pc.is_in(table[name], value_set=wanted).to_numpy() for name in texts]
            rows += int(sum(hits[1:], hits[0]).astype(bool).sum()) if hits else 0
    return rows


if __name__ == "__main__":
    main()
