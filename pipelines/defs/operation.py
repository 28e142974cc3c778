"""Declares the sensor that looks at the installation every minute: it sends alerts and writes the metrics."""

import dagster as dg

from installation.installation import Installation
from pipelines.ingest.lock import is_locked
from pipelines.orchestration.run_facts import run_facts
from pipelines.orchestration.watch import look

TICK_SECONDS = 60


def operation_sensor(installation: Installation) -> dg.SensorDefinition:
    """Return the sensor. It starts no run.

    It does not react to single events, but compares the whole state with what was sent. So runs of the command line,
    killed runs and data that never came count as well, and nothing is lost while the daemon is down.
    """

    @dg.sensor(
        name="operation",
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Send alerts about failed runs, late data, broken checks and full disks, and write the metrics.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        with Installation(installation.settings, installation.clock) as own:
            locked = is_locked(own.settings.data_dir)
            found = look(own, lambda: run_facts(context.instance, own.contracts, is_locked=locked))
        failed = f"; not reached: {', '.join(found.failed_channels)}" if found.failed_channels else ""
        return dg.SkipReason(f"{len(found.alerts)} alerts hold, {found.sent} messages sent{failed}.")

    return sensor
