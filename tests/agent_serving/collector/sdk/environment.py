"""Installs the real SDKs in the cache folder of the user, once for all test processes."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from bench.peer_environment import python_with
from privacy.storage.lock import file_lock
from tests.engines import CACHE, require_or_skip

HOME = CACHE / "sdk"
NPM = {
    "@segment/analytics-node": "3.1.0",
    "@segment/analytics-next": "1.84.3",
    "@rudderstack/rudder-sdk-node": "3.0.13",
    "@rudderstack/analytics-js": "3.34.1",
    "@iabtcf/core": "1.5.6",
}
PIP = ("segment-analytics-python==2.4.0", "rudder-sdk-python==2.1.9")


def node_home() -> Path:
    """Return the folder with `node_modules`."""
    if shutil.which("npm") is None:
        require_or_skip("sdk", "npm is not installed")
    HOME.mkdir(parents=True, exist_ok=True)
    with file_lock(HOME / "node.lock"):
        manifest = json.dumps({"private": True, "dependencies": NPM})
        done = HOME / "installed.json"
        if not done.exists() or done.read_text() != manifest:
            (HOME / "package.json").write_text(manifest)
            command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"]
            _run(command)
            done.write_text(manifest)
    return HOME


def python() -> Path:
    """Return the interpreter that has the SDKs for Python."""
    HOME.mkdir(parents=True, exist_ok=True)
    with file_lock(HOME / "python.lock"):
        try:
            return python_with(HOME / "-".join(("python", *PIP)).replace("==", "-"), PIP)
        except subprocess.CalledProcessError as error:
            require_or_skip("sdk", f"the SDKs for Python cannot be installed: {error.returncode}")
            raise


def _run(command: list[str]) -> None:
    done = subprocess.run(command, cwd=HOME, capture_output=True, text=True)
    if done.returncode:
        require_or_skip("sdk", f"the SDKs cannot be installed: {done.stderr[-300:]}")
