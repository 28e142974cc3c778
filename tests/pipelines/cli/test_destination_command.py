"""`bojagi destination` sends, shows and retries, and says what is wrong with the settings."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from features.destination.sent_profile import SentProfile, SentProfiles, Status
from installation.settings import load_settings
from pipelines.cli.app import app
from tests.features.retrieval.feature_shop import NOON, FeatureShop

run = CliRunner().invoke


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    secret = tmp_path / "crm"
    secret.write_text(base64.b64encode(b"a secret of 24 bytes or more").decode())
    secret.chmod(0o600)
    webhook = {"url": "http://127.0.0.1:9/", "secret_file": str(secret)}
    destination = {"table": "gold/customer_360", "columns": ["order_count"], "purpose": "personalisation"}
    monkeypatch.setenv("BOJAGI_DESTINATIONS", json.dumps({"crm": {**destination, "role": "agent", "webhook": webhook}}))
    return tmp_path / "data"


def test_status_and_retry_count_the_profiles(data: Path) -> None:
    shop = FeatureShop(data)
    dead = SentProfile("crm", "c_a", Status.DEAD, None, "x", 5, NOON)
    SentProfiles(shop.installation.lakehouse, "crm").save([dead])
    shop.close()
    shown = run(app, ["destination", "status", "--json", "--data", str(data)])
    assert json.loads(shown.stdout) == {"crm": {"sent": 0, "failed": 0, "removed": 0, "dead": 1}}
    assert "1 changes are sent again" in run(app, ["destination", "retry", "crm", "--data", str(data)]).stdout
    shown = run(app, ["destination", "status", "--json", "--data", str(data)])
    assert json.loads(shown.stdout) == {"crm": {"sent": 0, "failed": 1, "removed": 0, "dead": 0}}


def test_faults_of_the_settings_are_explained(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = run(app, ["destination", "send", "shop", "--data", str(data)])
    assert unknown.exit_code
    assert "the settings have crm" in unknown.stderr
    absent = run(app, ["destination", "send", "--data", str(data)])
    assert absent.exit_code
    assert "consent record" in absent.stderr
    monkeypatch.setenv("BOJAGI_DESTINATIONS", "{}")
    assert "add [destinations.NAME]" in run(app, ["destination", "send", "--data", str(data)]).stderr
    assert load_settings(data_dir=data).destinations == {}
