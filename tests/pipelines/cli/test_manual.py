"""`bojagi docs` and `bojagi settings` print what comes with the package."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli.app import app

RUN = CliRunner()


def test_docs_lists_every_page_and_prints_one() -> None:
    listed = RUN.invoke(app, ["docs"])
    assert listed.exit_code == 0
    assert "how-to/operator" in listed.output
    assert "decisions/" not in listed.output
    for name in ("operate/install", "docs/operate/install.md"):
        assert RUN.invoke(app, ["docs", name]).output.startswith("# Install Bojagi\n")
    assert RUN.invoke(app, ["docs", "decisions/0079-one-image-one-process-a-service"]).exit_code == 0


def test_a_page_that_does_not_exist_is_refused_with_the_nearest_name() -> None:
    refused = RUN.invoke(app, ["docs", "operate/instal"])
    assert refused.exit_code == 2
    assert "operate/install" in refused.output


def test_settings_prints_every_setting_and_the_file_that_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from installation.settings import Settings

    monkeypatch.delenv("BOJAGI_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    printed = RUN.invoke(app, ["settings"]).output
    assert "none, the defaults apply" in printed
    assert [key for key in Settings.model_fields if key not in printed] == []
    (tmp_path / "bojagi.toml").touch()
    assert str(tmp_path / "bojagi.toml") in RUN.invoke(app, ["settings"]).output
