"""Makes virtual environments for tools that require other package versions than ours."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


def python_with(home: Path, packages: tuple[str, ...]) -> Path:
    """Return the Python interpreter of an environment with these packages; the first call makes the environment.

    Raises:
        subprocess.CalledProcessError: the packages could not be installed.
    """
    # The path is not resolved: Python recognises an environment by the symbolic link.
    interpreter = (home / "bin" / "python").absolute()
    if not interpreter.exists():
        uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
        if uv is None:
            subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
            subprocess.run([str(interpreter), "-m", "pip", "install", "--quiet", *packages], check=True)
        else:
            subprocess.run([uv, "venv", "--quiet", str(home)], check=True)
            subprocess.run([uv, "pip", "install", "--quiet", "--python", str(interpreter), *packages], check=True)
    return interpreter
