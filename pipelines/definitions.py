"""Holds the definitions that Dagster loads, for example by `dagster dev -m pipelines.definitions`."""

from installation.event_log import open_log
from installation.installation import Installation
from installation.settings import load_settings
from pipelines.defs.build import build_definitions

_settings = load_settings()
# The processes of Dagster's runs load this module, so their events are logged as well.
open_log(_settings.log)
defs = build_definitions(Installation(_settings))
