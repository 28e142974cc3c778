"""The folder of one model's name: which fit it refers to, and its report."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from installation.errors import SettingsError
from installation.settings import Settings
from pipelines.synthetic.source import Form
from privacy.storage.atomic_file import replace_public
from privacy.synthetic.specification import Part

_NAME = re.compile(r"[^\W_][\w.-]{0,99}")


class Saved(Part):
    """Which fit a name refers to: the source, the account that paid, and the ledger's question."""

    form: Form
    account: str
    question: str


@dataclass(frozen=True)
class ModelFolder:
    """Files of one model's name. The record names files and tables, not persons."""

    path: Path

    @classmethod
    def of_model(cls, settings: Settings, name: str) -> ModelFolder:
        """Return the folder of a model that a command fits.

        Raises:
            SettingsError: the name cannot be a folder's name.
        """
        if not _NAME.fullmatch(name):
            raise SettingsError(f"--name {name!r} cannot be a folder's name; use letters, digits, '_', '-' and '.'")
        return cls(cls.root(settings) / name)

    @staticmethod
    def root(settings: Settings) -> Path:
        """Return the folder of the models that commands fit."""
        return settings.data_dir / "synthetic" / "model"

    @classmethod
    def of_release(cls, settings: Settings, name: str) -> ModelFolder:
        """Return the folder of the model of a declared release."""
        return cls(settings.data_dir / "synthetic" / "release" / name)

    @classmethod
    def all_models(cls, settings: Settings) -> Iterator[ModelFolder]:
        """Yield the folders of the models that commands fitted, by name."""
        for path in sorted(cls.root(settings).glob("*")):
            if cls(path).exists:
                yield cls(path)

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.path.name

    @property
    def exists(self) -> bool:
        """Whether a model was fitted under this name."""
        return self._record.exists()

    @property
    def report(self) -> Path:
        """The page of the report; the JSON lies beside it."""
        return self.path / "report.html"

    @property
    def _record(self) -> Path:
        return self.path / "fit.json"

    def save(self, saved: Saved) -> None:
        """Record which fit the name refers to."""
        replace_public(self._record, saved.model_dump_json(indent=1))

    def saved(self) -> Saved:
        """Return which fit the name refers to.

        Raises:
            SettingsError: there is no such model, or its record cannot be read.
        """
        try:
            return Saved.model_validate_json(self._record.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise SettingsError(f"there is no model {self.name}; `bojagi synth list` names them") from error
        except (ValueError, ValidationError) as error:
            raise SettingsError(f"fit.json of the model {self.name} cannot be read; fit the model again") from error
