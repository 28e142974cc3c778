"""The folder of one fitted model: the sealed model, where its rows came from, and its report."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from installation.errors import SettingsError
from installation.settings import Settings
from pipelines.synthetic.source import FileForm, Form, TableForm
from privacy.storage.atomic_file import replace_public

_NAME = re.compile(r"[a-zA-Z0-9][\w.-]{0,99}")
_FORM: TypeAdapter[FileForm | TableForm] = TypeAdapter(Form)


@dataclass(frozen=True)
class ModelFolder:
    """Files of one model. It holds noisy statistics only; `form` names files and tables, not persons."""

    path: Path

    @classmethod
    def of_model(cls, settings: Settings, name: str) -> ModelFolder:
        """Return the folder of a model that a command fits.

        Raises:
            SettingsError: the name cannot be a folder's name.
        """
        if not _NAME.fullmatch(name):
            raise SettingsError(f"--name {name!r} cannot be a folder's name; use letters, digits, '_', '-' and '.'")
        return cls(settings.data_dir / "synthetic" / "model" / name)

    @classmethod
    def of_release(cls, settings: Settings, name: str) -> ModelFolder:
        """Return the folder of the model of a declared release."""
        return cls(settings.data_dir / "synthetic" / "release" / name)

    @classmethod
    def all_models(cls, settings: Settings) -> Iterator[ModelFolder]:
        """Yield the folders of the models that commands fitted, by name."""
        for path in sorted((settings.data_dir / "synthetic" / "model").glob("*")):
            if (path / "source.json").exists():
                yield cls(path)

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.path.name

    @property
    def model(self) -> Path:
        """The sealed model."""
        return self.path / "model.zip"

    @property
    def report(self) -> Path:
        """The page of the report; the JSON lies beside it."""
        return self.path / "report.html"

    def save_form(self, form: FileForm | TableForm) -> None:
        """Record where the model's rows came from."""
        replace_public(self.path / "source.json", form.model_dump_json(indent=1))

    def form(self) -> FileForm | TableForm:
        """Return where the model's rows came from.

        Raises:
            SettingsError: there is no such model, or its record cannot be read.
        """
        try:
            return _FORM.validate_python(json.loads((self.path / "source.json").read_text(encoding="utf-8")))
        except FileNotFoundError as error:
            raise SettingsError(f"there is no model {self.name}; `bojagi synth list` names them") from error
        except (ValueError, ValidationError) as error:
            raise SettingsError(f"source.json of the model {self.name} cannot be read; fit the model again") from error
