"""The promise itself: a thousand planted values, a whole run, none of them in the clear outside the landing zone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from installation.contract.document import load_contracts
from installation.installation import Installation
from installation.settings import load_settings
from pipelines.orchestration.rights_registry import subject_stores
from pipelines.rights.other_file import OtherFiles
from privacy.protection.scan.folder import scan_folders
from privacy.protection.scan.matcher import Matcher
from tests.pipelines.canary import plant
from tests.pipelines.cli.conftest import Bojagi

pytestmark = [pytest.mark.slow]


def test_no_planted_value_lies_in_the_clear_outside_the_landing_zone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What an engine or a library leaves behind in the folder for temporary files is looked at as well.
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    log, messages = tmp_path / "bojagi.jsonl", tmp_path / "alert.jsonl"
    monkeypatch.setenv("BOJAGI_LOG", json.dumps({"format": "json", "level": "debug", "file": str(log)}))
    monkeypatch.setenv("BOJAGI_ALERTS", json.dumps({"file": str(messages), "disk_free_percent": 100}))
    bojagi = Bojagi(tmp_path / "data")
    out = [sys.executable, "-m", "pipelines.cli", "simulate", "--households", "20", "--out", str(bojagi.data)]
    subprocess.run(out, check=True, capture_output=True)
    needles = plant(bojagi.data / "landing", load_contracts())
    assert len(needles) >= 1000

    done = bojagi("run")
    assert "Quality:" in done.stdout
    assert "disk_nearly_full" in bojagi("alerts", "send").stdout
    entries = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert {"run_started", "table_written", "check_ended", "command_ended", "alert_sent"} <= {
        e["event"] for e in entries
    }
    assert "bojagi_table_rows" in (bojagi.data / "metric" / "bojagi.prom").read_text()
    (tmp_path / "run.log").write_text(done.stdout + done.stderr, "utf-8")

    matcher = Matcher(needles)
    landed = scan_folders([bojagi.data / "landing"], matcher)
    seen = {finding.needle for finding in landed.findings}
    # The negative control: the same scan finds what was planted where it may lie. (CP949 has no rare syllables.)
    assert [n.name for n in needles if n.name not in seen and not n.name.startswith("name")] == []
    assert sum(name.startswith("name") for name in seen) > 100

    report = scan_folders([tmp_path], matcher, leave_out=[bojagi.data / "landing"])
    assert Counter((Path(f.path).relative_to(tmp_path).as_posix(), f.where) for f in report.findings) == Counter()
    assert report.undecoded == ()
    assert report.files > 200
    with Installation(load_settings(data_dir=bojagi.data)) as installation:
        files = subject_stores(installation)[-1]
        assert isinstance(files, OtherFiles)
        assert files.unowned() == [], "a run leaves files that belong to no store of personal data"
    status = bojagi.json("quarantine", "list")
    assert sum(entry["rows"] for entry in status) > 50, "no canary went to quarantine"
