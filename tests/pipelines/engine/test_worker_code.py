import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from pipelines.engine import worker_code
from pipelines.engine.session import Engine
from pipelines.engine.worker_code import MODULES, pack_worker_code, require_worker_code
from pipelines.errors import EngineError

# Without site-packages and the working directory, as on a server where nothing of ours is installed.
LOOK = """
import sys
sys.path.insert(0, sys.argv[1])
from importlib import import_module
for name in sys.argv[2:]:
    import_module(name)
from privacy.protection.normal_form import normalise_phone
print(normalise_phone("010-1234-5678", region="KR"))
"""


def test_the_packed_code_runs_without_an_installation(tmp_path: Path) -> None:
    code = tmp_path / "code.zip"
    pack_worker_code(code)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", LOOK, str(code), *MODULES], capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("+821012345678", "")
    assert code.stat().st_size < 3_000_000
    assert not [name for name in ZipFile(code).namelist() if name.startswith(("installation", "pipelines/engine"))]


def test_workers_that_can_import_the_code_are_accepted(engine: Engine) -> None:
    require_worker_code(engine.spark, engine.name)


def test_a_module_that_workers_lack_is_named(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_code, "MODULES", ("pipelines.quality.no_such_form",))
    with pytest.raises(EngineError, match=r"No module named 'pipelines\.quality\.no_such_form'.*Python 3\.\d+ with"):
        require_worker_code(engine.spark, engine.name)
