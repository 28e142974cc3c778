"""Runs the simulation: writes each source of each replica to a landing folder, and the truth beside it."""

import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from installation.reference_date import RUN_DATE_FILE
from pipelines.simulate.app import draw_app_events
from pipelines.simulate.complete_journey import land_journey
from pipelines.simulate.consent import draw_consents
from pipelines.simulate.content import write_content
from pipelines.simulate.device import draw_devices
from pipelines.simulate.errors import SimulationError
from pipelines.simulate.export_cutoff import LAST_DAY, cut_off
from pipelines.simulate.feedback import draw_nps, draw_reviews, draw_tickets
from pipelines.simulate.landing import Landing
from pipelines.simulate.manifest import (
    MANIFEST_NAME,
    Manifest,
    ManifestFile,
    SimulationSpec,
    build_manifest,
    read_manifest,
)
from pipelines.simulate.market import load_market
from pipelines.simulate.order import draw_deliveries, draw_returns
from pipelines.simulate.random_stream import Streams
from pipelines.simulate.rates import DEFAULT_RATES, Rates
from pipelines.simulate.recommendation import draw_recommendations
from pipelines.simulate.records import Records
from pipelines.simulate.reference_source import draw_references, store_records
from pipelines.simulate.region import draw_regions
from pipelines.simulate.register import draw_crm_customers, draw_loyalty_cards
from pipelines.simulate.source_dirt import plant_dirt
from pipelines.simulate.survey import draw_lifestyles
from pipelines.simulate.truth import Truth
from pipelines.simulate.web import draw_web, draw_wishlist
from pipelines.simulate.world import World, draw_world
from privacy.storage.atomic_file import create_private_folder, replace_public
from privacy.storage.lock import LockBusyError, file_lock

Progress = Callable[[str], None]
_STAGING = ".simulating"
_LOCK = ".simulating.lock"
_RUN_DATE_TEXT = f"# Reference date of runs on this simulated market: its last day.\nrun_date = {LAST_DAY}\n"
_MAX_REPLICAS = 1000  # phone numbers, member numbers and person ids are reserved for this many


class SimulationResult(BaseModel):
    """The result of a call of `simulate`: the files with rows, sizes and digests.

    `was_present` is true if the files existed already and nothing was written. `seconds` is the duration of the call.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    out: Path
    spec: SimulationSpec
    was_present: bool
    files: tuple[ManifestFile, ...]
    seconds: float

    @property
    def rows(self) -> dict[str, int]:
        """Number of landed rows of each source."""
        total: dict[str, int] = {}
        for file in self.files:
            if file.source:
                total[file.source] = total.get(file.source, 0) + file.rows
        return total


def simulate(
    out: Path,
    seed: int = 20170101,
    scale: int = 1,
    progress: Progress | None = None,
    *,
    households: int | None = None,
    rates: Rates = DEFAULT_RATES,
    force: bool = False,
) -> SimulationResult:
    """Write `scale` replicas of the market to `out`: landing/<source>/, content/, truth/, run_date.toml, manifest.json.

    The same seed, scale, households and rates give the same bytes. If `out` has these files already, nothing is
    written and `was_present` is true. Files appear in `out` only when all of them are complete.

    Args:
        out: the folder; it is created if it is missing.
        seed: seed of all random draws, from 0.
        scale: number of copies of the market, each with new people, from 1 to 1000.
        progress: called with the name of each step before the step begins.
        households: limits the market to the households with the lowest numbers, at least 10; None for all.
        rates: shares of people and faults that are difficult for identity resolution.
        force: write again, also over another simulation.

    Raises:
        SimulationError: a number is out of range, `out` has another simulation and `force` is not set, or another
            process is writing to `out`.
    """
    spec = _checked(seed, scale, households, rates)
    create_private_folder(out)
    try:
        with file_lock(out / _LOCK, wait_seconds=0):
            return _simulate(out, spec, progress or (lambda _: None), force)
    except LockBusyError:
        raise SimulationError(
            f"Another simulation is writing to {out}. Wait until it ends, or choose another folder with --out."
        ) from None


def _simulate(out: Path, spec: SimulationSpec, progress: Progress, force: bool) -> SimulationResult:
    started = time.perf_counter()
    former = read_manifest(out)
    if former is not None and not force:
        if former.answers(spec) and former.is_intact(out):
            seconds = time.perf_counter() - started
            return SimulationResult(out=out, spec=spec, was_present=True, files=former.files, seconds=seconds)
        if former.spec != spec:
            raise SimulationError(
                f"{out} already has another simulation ({former.spec}), so {spec} was not written there. "
                "Choose another folder with --out, or replace it with --force."
            )
    staging = out / _STAGING
    shutil.rmtree(staging, ignore_errors=True)
    try:
        manifest = build_manifest(staging, spec, _write_all(staging, spec, progress))
        _replace(out, staging, former, manifest)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    seconds = time.perf_counter() - started
    return SimulationResult(out=out, spec=spec, was_present=False, files=manifest.files, seconds=seconds)


def _replace(out: Path, staging: Path, former: Manifest | None, manifest: Manifest) -> None:
    """Replace the files of an earlier simulation by the finished files; the manifest is written last."""
    (out / MANIFEST_NAME).unlink(missing_ok=True)
    for old in former.files if former is not None else ():
        (out / old.path).unlink(missing_ok=True)
    for file in manifest.files:
        create_private_folder((out / file.path).parent)
        (staging / file.path).replace(out / file.path)
    replace_public(out / MANIFEST_NAME, manifest.model_dump_json(indent=1))


def _checked(seed: int, scale: int, households: int | None, rates: Rates) -> SimulationSpec:
    if not 1 <= scale <= _MAX_REPLICAS:
        raise SimulationError(f"The scale {scale} is out of range; give a whole number from 1 to {_MAX_REPLICAS}.")
    if seed < 0:
        raise SimulationError(f"The seed {seed} is negative; give a whole number from 0.")
    if households is not None and households < 10:
        raise SimulationError(f"{households} households are too few; give at least 10, or omit --households for all.")
    return SimulationSpec(seed=seed, scale=scale, households=households, rates=rates)


def _write_all(root: Path, spec: SimulationSpec, progress: Progress) -> dict[str, int]:
    """Write every replica below `root` and return the rows of each file."""
    progress("reading the Complete Journey")
    market = load_market(spec.households)
    regions = draw_regions(Streams(spec.seed, 0).generator("region"))
    rows: dict[str, int] = {}
    # Arrow rewrites the package's tables in a second thread, because drawing people uses only one core.
    with ThreadPoolExecutor(max_workers=1) as background, Truth(root / "truth") as truth:
        landed = []
        for replica in range(spec.scale):
            progress(f"tables and people of replica {replica + 1} of {spec.scale}")
            is_cut = spec.households is not None
            landed.append(background.submit(land_journey, root / "landing", market, replica, is_cut))
            rows |= _write_replica(
                root, draw_world(market, regions, Streams(spec.seed, replica), spec.rates), truth, progress
            )
        for future in landed:
            rows |= future.result()
    content = write_content(root, Streams(spec.seed, 0).generator("content"))
    (root / RUN_DATE_FILE).write_text(_RUN_DATE_TEXT, "utf-8")
    return rows | truth.rows | content | {RUN_DATE_FILE: 0}


def _write_replica(root: Path, world: World, truth: Truth, progress: Progress) -> dict[str, int]:
    """Write the simulated sources of one replica and return the rows of each file."""
    truth.add_people(world)
    truth.add_accounts(world)
    landing = Landing(root / "landing", world.replica)
    for records in _sources(world):
        progress(records.source)
        records.replica = world.replica
        plant_dirt(records, world.streams.generator(f"dirt {records.source}"), world.rates)
        cut_off(records)
        truth.add_records(world, records)
        landing.write(records)
    truth.add_dirt(landing.dirt)
    return landing.rows


def _sources(world: World) -> Iterator[Records]:
    """Yield the records of each source, without faults; a source comes before the sources that depend on it."""
    draw = world.streams.generator
    if world.replica == 0:
        yield from draw_references(world.regions, draw("weather"))
    yield store_records(world)
    yield draw_crm_customers(world, draw("crm_customer"))
    yield draw_loyalty_cards(world, draw("loyalty_card"))
    devices = draw_devices(world, draw("device"))
    sessions, events, wishes = draw_web(world, devices, draw("web"))
    yield sessions
    yield events
    yield draw_wishlist(world, wishes, draw("wishlist"))
    yield draw_app_events(world, devices, draw("app_event"))
    deliveries, returns = draw_deliveries(world, draw("delivery")), draw_returns(world, draw("return_item"))
    yield draw_tickets(world, deliveries, returns, draw("support_ticket"))
    yield deliveries
    yield returns
    yield draw_reviews(world, draw("review"))
    yield draw_nps(world, draw("nps_survey"))
    yield draw_recommendations(world, draw("recommendation_event"))
    yield draw_consents(world, draw("consent_event"))
    yield draw_lifestyles(world, draw("lifestyle_survey"))
