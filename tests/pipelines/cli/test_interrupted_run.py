"""Runs that are stopped, killed or out of disk space: one line, the right exit code, and the next run continues."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from installation.lakehouse.lakehouse import Lakehouse
from pipelines.cli.exit_code import ExitCode
from pipelines.ingest.lock import run_lock
from tests.pipelines.cli.conftest import Bojagi

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
SELECTION = ("--select", 'key:"bronze/parking_visit" or key:"silver/identifier"')
LONG_AGO = 1_500_000_000


def shop(data: Path) -> Bojagi:
    """Return a shop with one source of its own; its file has landed long ago."""
    for folder, file in (
        ("contracts", "source_parking_visit.odcs.yaml"),
        ("landing/parking_visit", "parking_visit.csv"),
    ):
        (data / folder).mkdir(parents=True)
        shutil.copy(EXAMPLES / file, data / folder)
    os.utime(data / "landing/parking_visit/parking_visit.csv", (LONG_AGO, LONG_AGO))
    return Bojagi(data)


@pytest.fixture(scope="module")
def bojagi(tmp_path_factory: pytest.TempPathFactory) -> Bojagi:
    return shop(tmp_path_factory.mktemp("shop"))


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("seconds", [0.5, 1.5, 3.0, 4.5, 6.0, 8.0])
def test_a_signal_at_any_moment_of_a_run_is_one_line_and_the_exit_code_of_the_signal(
    bojagi: Bojagi, seconds: float, number: signal.Signals, code: int
) -> None:
    process = bojagi.start("run")
    time.sleep(seconds)
    process.send_signal(number)
    output, errors = process.communicate()
    if process.returncode == 0 and seconds > 3:
        # Earlier moments left finished tables behind, so the run was over before this one.
        assert errors == ""
        return
    assert process.returncode == code, errors
    assert errors.startswith("error: Stopped by ")
    assert errors.count("\n") == 1
    assert "Traceback" not in output


@pytest.mark.slow
def test_the_run_after_many_stopped_ones_finishes_every_table(bojagi: Bojagi) -> None:
    made = bojagi.json("run")
    assert made["tables"]["finished"] == made["tables"]["all"] > 0
    lakehouse = Lakehouse(str(bojagi.data / "lakehouse"))
    assert lakehouse.select("bronze/parking_visit", "count(*) AS rows")["rows"].to_pylist() == [5]


@pytest.mark.slow
def test_status_says_what_a_killed_run_was_doing_and_the_next_run_marks_it_failed(tmp_path: Path) -> None:
    bojagi = shop(tmp_path)
    process = bojagi.start("run")
    assert process.stdout is not None
    process.stdout.readline()  # the first table is loaded
    process.kill()
    process.communicate()
    last = bojagi.json("status")["last_run"]
    assert last["state"] == "killed"
    assert last["explanation"].startswith("The run was killed or the machine stopped while it ")
    assert last["seconds"] is not None
    assert last["explanation"] in bojagi("status").stdout
    bojagi("run", *SELECTION)
    from installation.settings import load_settings
    from pipelines.orchestration.instance import open_instance

    with open_instance(load_settings(data_dir=tmp_path)) as instance:
        assert [run.status.value for run in instance.get_runs()] == ["SUCCESS", "FAILURE"]


def test_a_run_in_a_folder_in_use_is_refused_before_anything_large_is_imported(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom pipelines.cli.app import app\n"
        f"print(CliRunner().invoke(app, ['run', '--data', {str(tmp_path)!r}]).exit_code)\n"
        "print(sorted({'dagster', 'pyspark', 'pandas', 'pyarrow', 'deltalake', 'numpy'} & set(sys.modules)))"
    )
    with run_lock(tmp_path):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == [str(int(ExitCode.BUSY)), "[]"]


def test_a_run_without_any_consent_says_that_gold_tables_are_therefore_empty(tmp_path: Path) -> None:
    made = shop(tmp_path / "data").json("run", "--select", '+key:"silver/permission"')
    notes = {turn["table"]: turn["notes"] for turn in made["turns"]}
    assert "No consent is on record" in notes["silver/permission"][0]
    assert notes["silver/identifier"] == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Return a function that mounts an empty disk of this size, or grows it."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(size: str) -> Path:
        options = ["-o", f"size={size},remount"] if os.path.ismount(disk) else ["-o", f"size={size}"]
        done = subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", str(disk)], capture_output=True, check=False)
        if done.returncode != 0:
            pytest.skip("this container may not mount")
        return disk

    try:
        yield mount
    finally:
        if os.path.ismount(disk):
            subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
@pytest.mark.parametrize("size", ["100k", "700k", "1500k", "3m"])
def test_a_full_disk_is_one_line_and_3_and_the_next_run_continues(small_disk: Callable[[str], Path], size: str) -> None:
    bojagi = shop(small_disk(size) / "data")
    done = bojagi("run")
    assert done.returncode == ExitCode.ENVIRONMENT, done.stdout + done.stderr
    assert done.stderr.startswith("error: No space is left on the disk of ")
    assert done.stderr.count("\n") == 1
    small_disk("100m")
    made = bojagi.json("run")
    assert made["tables"]["finished"] == made["tables"]["all"] > 0
    assert {turn["table"]: turn["rows"] for turn in made["turns"]}["bronze/parking_visit"] == 5


@pytest.mark.parametrize("limit", [0, 20_000])
def test_a_simulation_without_space_is_one_line_and_3_and_leaves_no_file(tmp_path: Path, limit: int) -> None:
    def allow_small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = [sys.executable, "-m", "pipelines.cli", "simulate", "--households", "10", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=allow_small_files)
    assert done.returncode == ExitCode.ENVIRONMENT, done.stderr
    assert done.stderr.startswith("error: The disk is full: ")
    assert done.stderr.count("\n") == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".simulating.lock"]
