"""A Spark Connect server as tests see a cluster: its own process, and a mount namespace without our files."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from pipelines.engine import endpoint, java, spark_jvm
from pipelines.errors import EngineError
from tests.engines import require_or_skip

OURS = ("pipelines", "agent_serving", "federated", "features", "installation", "privacy", "phonenumbers")
"""Packages that the server must not see: ours, and what their functions import beside pandas."""


class SparkServer:
    """Apache Spark's own server program. Tests kill it and start it again at the same address."""

    def __init__(self, folder: Path, hidden: Sequence[Path]) -> None:
        """Prepare a server whose log is in `folder`, and in which the `hidden` folders are empty."""
        try:
            java.require()
        except EngineError as error:
            require_or_skip("spark", str(error))
        probe = ["unshare", "--mount", "true"]
        if shutil.which("unshare") is None or subprocess.run(probe, capture_output=True, check=False).returncode:
            require_or_skip("spark", "this user may not make a mount namespace")
        self.port, self.log = endpoint.find_free_port(), folder / "server.log"
        self.url = f"sc://127.0.0.1:{self.port}"
        self.command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _hide(hidden), *self._program()]
        self.process: subprocess.Popen[bytes] | None = None

    def _program(self) -> list[str]:
        spec = find_spec("pyspark")
        assert spec is not None
        assert spec.origin is not None
        options = {
            **{name: value for name, value in spark_jvm.SPARK_OPTIONS.items() if name != "spark.plugins"},
            "spark.jars.packages": ",".join((spark_jvm.DELTA_PACKAGE, *spark_jvm.S3_PACKAGES)),
            "spark.master": "local[2]",
            "spark.log.level": "WARN",
            "spark.driver.memory": "1g",
            "spark.driver.extraJavaOptions": spark_jvm.QUICK_JVM,
            "spark.connect.grpc.binding.port": str(self.port),
            "spark.pyspark.python": sys.executable,
        }
        submit = [str(Path(spec.origin).parent / "bin/spark-submit")]
        for name, value in options.items():
            submit += ["--conf", f"{name}={value}"]
        return [*submit, "--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"]

    def start(self) -> None:
        """Start the server and wait until it answers."""
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        environment |= {"PYSPARK_PYTHON": sys.executable, "SPARK_NO_DAEMONIZE": "1"}
        spec = find_spec("pyspark")
        assert spec is not None
        environment["SPARK_HOME"] = str(Path(str(spec.origin)).parent)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=environment, cwd="/", stdout=log, stderr=log, start_new_session=True
            )
        while True:
            try:
                return endpoint.probe(self.url)
            except EngineError:
                assert self.process.poll() is None, self.log.read_text("utf-8", "replace")[-3000:]

    def kill(self) -> None:
        """End the server and its workers without warning."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def _hide(folders: Sequence[Path]) -> str:
    packages = [Path(next(iter(spec.submodule_search_locations))) for name in OURS if (spec := find_spec(name))
                and spec.submodule_search_locations]  # fmt: skip
    mounts = [f'mount -t tmpfs none "{folder}"' for folder in (*packages, *folders)]
    return " && ".join([*mounts, 'exec "$0" "$@"'])
