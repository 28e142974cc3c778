"""Environments of peers that pin other packages than ours, made on demand."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


def python_with(home: Path, packages: tuple[str, ...]) -> Path:
    """The interpreter of an environment that holds these packages; makes it on the first call.

    Raises:
        subprocess.CalledProcessError: the packages could not be installed.
    """
    # Not resolved: the link is what tells Python that it is in an environment.
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
