"""Commands read files of an object store by URL, and `--data` never leaves the lakehouse of the settings unnoticed."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from typer.testing import CliRunner

from pipelines.cli.app import app
from pipelines.cli.option import settings_for
from tests.object_store import object_store

SPEC = "columns: {age: {role: quasi}, illness: {role: sensitive}}\nmodels: [{name: k_anonymity, k: 2}]\n"
ROWS = pa.table({"age": pa.array([30, 30, 40, 40] * 3), "illness": ["influenza", "cold", "influenza", "cold"] * 3})


def test_a_table_is_anonymised_and_searched_by_its_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner, spec, output = CliRunner(), tmp_path / "spec.yaml", tmp_path / "release.csv"
    spec.write_text(SPEC)
    with object_store() as store:
        bucket = store.new_bucket("shop")
        write_deltalake(f"{bucket}/people", ROWS, storage_options=store.options)
        monkeypatch.setenv("BOJAGI_STORAGE_OPTIONS", json.dumps(store.options))
        monkeypatch.setenv("BOJAGI_DATA_DIR", str(tmp_path / "data"))
        given = ["anonymize", str(spec), "--input", f"{bucket}/people", "--output", str(output), "--json"]
        done = runner.invoke(app, given, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        assert len(output.read_text().splitlines()) == 13
        found = runner.invoke(app, ["rights", "scan", "influenza", "--folder", f"{bucket}/people", "--json"])
        assert found.exit_code == 1
        plain = runner.invoke(app, ["rights", "scan", "influenza", "--folder", f"{bucket}/people"])
        assert f"found  {bucket}/people/part-" in plain.output
        missing = runner.invoke(app, [*given[:3], f"{bucket}/nothing", *given[4:]])
        assert missing.exit_code == 3
        assert "s3://shop/nothing does not exist" in missing.output
        monkeypatch.setenv(
            "BOJAGI_STORAGE_OPTIONS", json.dumps(store.options | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
        )
        absent = runner.invoke(app, given)
        assert absent.exit_code == 3
        assert "no server answers at http://127.0.0.1:9" in absent.output
    assert not list(Path("/tmp").glob("bojagi-copy-*/people"))


@pytest.mark.parametrize("root", ["s3://shop/lakehouse", "/srv/lakehouse"])
def test_another_data_folder_keeps_the_root_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], root: str
) -> None:
    moved = settings_for(tmp_path)
    assert moved.lakehouse_root == str(tmp_path / "lakehouse")
    assert moved.landing_dir == tmp_path / "landing"
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("BOJAGI_LAKEHOUSE_ROOT", root)
    kept = settings_for(tmp_path)
    assert (kept.data_dir, kept.lakehouse_root) == (tmp_path, root)
    assert capsys.readouterr().err == f"--data does not move lakehouse_root: the settings name {root}.\n"
