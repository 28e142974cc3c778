"""Checks that the Java version for Apache Spark is installed; Spark itself fails without a clear reason."""

import re
import shutil
import subprocess

from installation.settings import java_home
from pipelines.errors import EngineError

# Spark 4 runs on Java 17 and later.
OLDEST_JAVA = 17
INSTALL_HINT = (
    "install one (Debian: apt-get install openjdk-17-jre-headless), set JAVA_HOME, "
    "or use --engine sail, which needs none."
)


def require() -> None:
    """Check that Java starts and is not older than `OLDEST_JAVA`.

    Raises:
        EngineError: there is none, it does not start, or it is older than `OLDEST_JAVA`.

    """
    command = find()
    if command is None:
        found = "none"
    elif (version := read_version(command)) is None:
        found = f"{command}, which prints no version"
    elif version < OLDEST_JAVA:
        found = f"version {version} ({command})"
    else:
        return
    raise EngineError(f"The engine spark needs Java {OLDEST_JAVA} or newer; found {found}: {INSTALL_HINT}", "spark")


def find() -> str | None:
    """Return the java command that Spark uses: that of JAVA_HOME, else the one on PATH; None if there is none."""
    home = java_home()
    return shutil.which("java", path=str(home / "bin")) if home else shutil.which("java")


def read_version(command: str) -> int | None:
    """Return the major version that a java command prints; None if it prints no version."""
    try:
        shown = subprocess.run([command, "-version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    # Java 8 calls itself 1.8.
    found = re.search(r'version "(?:1\.)?(\d+)', shown.stderr + shown.stdout)
    return int(found.group(1)) if found else None
