"""Settings of backups: where `bojagi backup` writes, and the copies of other programs that erasures look at."""

import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


class CopySettings(BaseModel):
    """A copy of the data: its name, its folder if it can be read, and the day on which it is deleted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")
    path: Path | None = None
    expires_on: datetime.date


class BackupSettings(BaseModel):
    """Where `bojagi backup` writes.

    Attributes:
        place: folder or URL of the tables and stores.
        secrets_place: folder or URL of the secrets, with other access rights than `place`.
        key_file: private file with the key that seals both; it is in no backup.
        keep_days: days for which a backup of tables and stores is kept.
        storage_options: credentials of `place`; None takes those of the lakehouse.
        secrets_storage_options: credentials of `secrets_place`; None takes those of `place`.
        scratch_dir: private folder for the restore that `bojagi backup verify` makes; None takes one beside the data.
        scratch_database: an empty database for it, if the stores are in PostgreSQL.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    place: str
    secrets_place: str
    key_file: Path
    keep_days: int = Field(30, ge=1, le=3650)
    storage_options: dict[str, str] | None = None
    secrets_storage_options: dict[str, str] | None = None
    scratch_dir: Path | None = None
    scratch_database: SecretStr | None = None

    @model_validator(mode="after")
    def _keep_secrets_apart(self) -> "BackupSettings":
        place, secrets = (_normal(one) for one in (self.place, self.secrets_place))
        if f"{secrets}/".startswith(f"{place}/") or f"{place}/".startswith(f"{secrets}/"):
            raise ValueError("one of place and secrets_place lies in the other; name two with different access rights")
        return self


def _normal(place: str) -> str:
    return place.rstrip("/") if "://" in place else str(Path(place).expanduser().absolute())
