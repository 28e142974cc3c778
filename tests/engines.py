"""The engines as tests use them: each opened once, and skipped or required where the machine lacks something."""

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from installation.settings import load_settings
from pipelines.engine import java
from pipelines.engine.session import Engine, open_engine
from pipelines.errors import EngineError

CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "bojagi"
"""Programs that tests fetch once, for all checkouts."""
REQUIRED = frozenset(filter(None, os.environ.get("BOJAGI_REQUIRE", "").split(",")))


def require_or_skip(component: str, reason: str) -> None:
    """Skip a test for want of a component, or fail where the environment requires it."""
    if component in REQUIRED:
        pytest.fail(f"BOJAGI_REQUIRE asks for {component}, but {reason}", pytrace=False)
    pytest.skip(reason)


class Engines:
    """Opens each engine once in a session and closes them all at its end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stack = ExitStack()
        self.opened: dict[str, Engine] = {}

    def open(self, name: str) -> Engine:
        """The engine of that name; skips or fails where the machine cannot run it."""
        if name not in self.opened:
            if name == "spark":
                try:
                    java.require()
                except EngineError as error:
                    require_or_skip("spark", str(error))
            settings = load_settings(engine=name, data_dir=self.folder, engine_memory="1GB")
            self.opened[name] = self.stack.enter_context(open_engine(settings))
        return self.opened[name]
