"""The reference date of a run, and the moment at which the shop decides what is permitted. Data cannot move them."""

from __future__ import annotations

import tomllib
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from installation.errors import SettingsError

if TYPE_CHECKING:
    from installation.contract.document import Contracts
    from installation.settings import Settings

LANDED_CONSENTS = "bronze/consent_event"
RUN_DATE_FILE = "run_date.toml"
"""File in the data folder with the last day of a simulated market, `run_date = 2017-12-31`. The simulator writes it."""


def reference_date(settings: Settings, now: datetime) -> date:
    """Return the date to which ages, recencies, freshness and retention count.

    It is the setting `run_date`, else the date in the data folder's `run_date.toml`, else the shop's date of today.

    Args:
        settings: the run date, the data folder and the shop's time zone.
        now: the time now, with its zone.

    Raises:
        SettingsError: `run_date.toml` cannot be read.
    """
    return fixed_date(settings) or shop_time(settings, now).date()


def fixed_date(settings: Settings) -> date | None:
    """Return the reference date of historic data: the setting `run_date`, else that of the data folder, else None.

    The file is read at each call, because the simulator may write it while a process has its settings already.

    Raises:
        SettingsError: `run_date.toml` cannot be read.
    """
    if settings.run_date is not None:
        return settings.run_date
    path = settings.data_dir / RUN_DATE_FILE
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}. Expected one line: run_date = 2017-12-31.") from error
    day = values.get("run_date")
    if values.keys() != {"run_date"} or isinstance(day, datetime) or not isinstance(day, date):
        raise SettingsError(
            f"{path}: expected the single key run_date with a date, such as run_date = 2017-12-31. Correct the file or "
            "remove it; without it, the reference date is today."
        )
    return day


def decision_moment(settings: Settings, contracts: Contracts, now: datetime) -> datetime:
    """Return the moment at which consent is decided, as the shop's local wall time: `fixed_moment`, else now.

    Args:
        settings: the run date, the data folder and the shop's time zone.
        contracts: declare whether the source of consents is simulated.
        now: the time now, with its zone.
    """
    return fixed_moment(settings, contracts) or deciding_time(now, ZoneInfo(settings.time_zone))


def fixed_moment(settings: Settings, contracts: Contracts) -> datetime | None:
    """Return the moment at which consent is decided for historic data; None if it is the present.

    If the consents are simulated (as their contract declares) and the reference date is fixed, it is the end of that
    date: otherwise every consent of the year 2017 would have lapsed.
    """
    is_simulated = any(source.simulated for source in contracts.sources if source.table == LANDED_CONSENTS)
    day = fixed_date(settings) if is_simulated else None
    return None if day is None else datetime.combine(day, time.max)


def deciding_time(now: datetime, zone: ZoneInfo) -> datetime:
    """Return a time with its zone as the wall time for which consent is decided.

    It is the local wall time, but in the second pass of an hour that the clocks repeat, the end of that hour: a
    statement of the first pass counts already.

    >>> deciding_time(datetime.fromisoformat("2026-10-25T02:05:00+01:00"), ZoneInfo("Europe/Berlin")).isoformat()
    '2026-10-25T02:59:59.999999'
    """
    local = now.astimezone(zone)
    wall = local.replace(tzinfo=None, fold=0)
    if not local.fold:
        return wall
    end = wall.replace(second=0, microsecond=0) + timedelta(minutes=1)
    while end.replace(tzinfo=zone).utcoffset() != end.replace(tzinfo=zone, fold=1).utcoffset():
        end += timedelta(minutes=1)
    return end - timedelta(microseconds=1)


def shop_time(settings: Settings, now: datetime) -> datetime:
    """Return a time with its zone as the shop's local wall time, without zone."""
    return now.astimezone(ZoneInfo(settings.time_zone)).replace(tzinfo=None)
