"""The job of destinations sends to each of them, and fails for one that takes nothing."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from features.destination.errors import DestinationBusy
from features.destination.sending import send_changes
from installation.alert_settings import WebhookSettings
from installation.destination_settings import DestinationSettings, FileSettings
from pipelines.cli.exit_code import ExitCode, of_error
from pipelines.defs.destination import destination_jobs, destination_schedule
from privacy.storage.lock import file_lock
from tests.features.destination.test_delivery import Receiver, Sender, receiver, sender

__all__ = ["receiver", "sender"]


def test_the_job_serves_each_destination_whatever_happens_to_another(
    sender: Sender, receiver: Receiver, tmp_path: Path
) -> None:
    sender.write({"c_a": 1, "c_b": 2})
    secret = tmp_path / "wrong"
    secret.write_text("whsec_" + "QUFB" * 8)
    secret.chmod(0o600)
    refused = sender.settings.model_copy(update={"webhook": WebhookSettings(url=receiver.url, secret_file=secret)})
    installation = sender.shop.installation
    named = {"a_refused": refused, "crm": sender.settings}
    object.__setattr__(installation, "settings", installation.settings.model_copy(update={"destinations": named}))
    (job,) = destination_jobs(installation)
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        done = job.execute_in_process(instance=instance, raise_on_error=False)
    failed = {event.step_key for event in done.get_step_failure_events()}
    assert failed == {"a_refused"}
    assert receiver.known().keys() == {"c_a", "c_b"}
    assert destination_schedule(job, "Asia/Seoul").job_name == job.name


def test_two_processes_do_not_send_to_one_destination(sender: Sender) -> None:
    installation = sender.shop.installation
    settings = installation.settings.model_copy(update={"destinations": {"crm": sender.settings}})
    object.__setattr__(installation, "settings", settings)
    with (
        file_lock(settings.data_dir / "destination_crm.lock"),
        pytest.raises(DestinationBusy, match="another process is sending"),
    ):
        send_changes(installation, "crm")
    assert of_error(DestinationBusy) is ExitCode.BUSY


def test_exports_have_a_job_and_a_day_of_their_own(sender: Sender, tmp_path: Path) -> None:
    installation = sender.shop.installation
    export = DestinationSettings(
        purpose="marketing", role="campaign_tool", audience="a", file=FileSettings(folder=tmp_path)
    )
    named = {"crm": sender.settings, "ads": export}
    object.__setattr__(installation, "settings", installation.settings.model_copy(update={"destinations": named}))
    jobs = destination_jobs(installation)
    schedules = [destination_schedule(job, "Asia/Seoul") for job in jobs]
    assert [[node.name for node in job.nodes] for job in jobs] == [["crm"], ["ads"]]
    assert [(one.name, one.cron_schedule) for one in schedules] == [
        ("hourly_destinations", "15 * * * *"), ("daily_exports", "15 6 * * *"),
    ]  # fmt: skip
