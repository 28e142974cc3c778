"""Packs the Python code that a cluster's workers import for our functions, and checks that they can import it.

Functions travel by the name of their module. The modules that they need are sent to the server as an artifact, so
nothing of ours is installed there. What every worker of Spark needs for pandas functions is not sent: Python of this
client's version, pandas and pyarrow.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile

import pandas as pd

from pipelines.build_code import imported_modules
from pipelines.errors import EngineError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MODULES = (
    "pipelines.quality.address_form", "pipelines.quality.code_form", "pipelines.quality.text_form",
    "privacy.protection.normal_form",
)  # fmt: skip
"""Modules whose functions run on workers: the standard forms (`pipelines.quality.standard_form`)."""
LIBRARIES = ("phonenumbers",)
"""Packages that these modules import and that a server does not have; they are pure Python."""
LEFT_OUT = frozenset({"geodata", "carrierdata", "tzdata"})
"""Parts of the libraries that these modules do not use: names of places, carriers and time zones of numbers, 21 MB."""


def pack_worker_code(path: Path) -> None:
    """Write a zip file with the modules, their own imports, and the libraries."""
    with ZipFile(path, "w", ZIP_DEFLATED) as packed:
        names = imported_modules(MODULES)
        parents = {name.rsplit(".", count)[0] for name in names for count in range(1, name.count(".") + 1)}
        for name in sorted(names | parents):
            file = _file(name)
            packed.write(file, _inside(name, is_package=file.name == "__init__.py"))
        for library in LIBRARIES:
            root = _file(library).parent
            for file in sorted(root.rglob("*.py")):
                if not LEFT_OUT & set(file.relative_to(root).parts):
                    packed.write(file, file.relative_to(root.parent).as_posix())


def require_worker_code(spark: SparkSession, name: str) -> None:
    """Check that a worker can run our functions.

    Raises:
        EngineError: a worker has another Python, or lacks pandas, pyarrow or our modules.
    """
    from pyspark.errors import PySparkException
    from pyspark.sql import functions as sf
    from pyspark.sql.pandas.functions import pandas_udf

    look = pandas_udf(_import_all((*MODULES, *LIBRARIES)), "string")  # type: ignore[call-overload]  # typed by literals
    try:
        fault = spark.range(1).select(look(sf.col("id"))).collect()[0][0]
    except PySparkException as error:
        fault = _last_line(str(error))
    if fault:
        wanted = f"Python {sys.version_info.major}.{sys.version_info.minor} with pandas and pyarrow"
        raise EngineError(
            f"The workers of {name} cannot run Bojagi's functions ({fault[:300]}): give them {wanted}, and set "
            "spark.pyspark.python to it. Our own modules are sent along, except to Sail: install this package there.",
            name,
        )


def _import_all(modules: tuple[str, ...]) -> Callable[[pd.Series], pd.Series]:
    """Return a function that returns for each row why a module cannot be imported; null if all can."""

    # Nested, because only a nested function is sent as code. Another one would have to be imported there itself.
    def look(rows: pd.Series) -> pd.Series:
        from importlib import import_module

        def faults() -> Iterator[str]:
            for module in modules:
                try:
                    import_module(module)
                except ImportError as error:
                    yield str(error)

        return pd.Series([next(faults(), None)] * len(rows), dtype=object)

    return look


def _last_line(text: str) -> str:
    """Return the line of a Python error in an engine's message, else its first line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["no reason given"]
    named = [line for line in lines if "Error: " in line or "PYTHON_VERSION_MISMATCH" in line]
    return (named or lines)[0]


def _file(name: str) -> Path:
    spec = find_spec(name)
    assert spec is not None, name
    assert spec.origin is not None, name
    return Path(spec.origin)


def _inside(name: str, *, is_package: bool) -> str:
    return name.replace(".", "/") + ("/__init__.py" if is_package else ".py")
