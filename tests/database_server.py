"""Real database servers of Debian's packages, started by tests on the loopback address."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.engines import require_or_skip

PASSWORD = "p@ss 'w\\ord/:"


@dataclass(frozen=True)
class Server:
    """A running server with the database `shop`, and the user `reader` who may read it."""

    kind: str
    port: int
    run: Callable[..., None]


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def postgres_server(*, flushes: bool = False) -> Iterator[Server]:
    """Run PostgreSQL for the block. `flushes`: commits are on the disk, as the stores require."""
    import psycopg

    initdb, postgres = (_program(name, "postgres", "/usr/lib/postgresql/*/bin") for name in ("initdb", "postgres"))
    with _folder("postgres") as (folder, demoted):
        port = free_port()
        command = [
            initdb,
            "-D",
            f"{folder}/data",
            "-A",
            "scram-sha-256",
            "-U",
            "owner",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ]
        (folder / "password").write_text("owner")
        (folder / "password").chmod(0o644)
        subprocess.run([*command, f"--pwfile={folder}/password"], check=True, capture_output=True, cwd="/", **demoted)
        command = [postgres, "-D", f"{folder}/data", "-h", "127.0.0.1", "-p", str(port), "-k", str(folder)]
        # A server in another zone and date style than the session must not change a value.
        command += ["-c", "timezone=America/New_York", "-c", "datestyle=German"]
        command += [] if flushes else ["-c", "fsync=off"]
        with _running(command, demoted, signal.SIGINT):
            place = f"host=127.0.0.1 port={port} user=owner password=owner"
            _wait(lambda: psycopg.connect(f"{place} dbname=postgres").close(), psycopg.OperationalError)
            with psycopg.connect(f"{place} dbname=postgres", autocommit=True) as connection:
                connection.execute("CREATE DATABASE shop")
                connection.execute(psycopg.sql.SQL("CREATE USER reader PASSWORD {}").format(PASSWORD))
            # Without prepared statements: a table that was made anew may have other types.
            with psycopg.connect(f"{place} dbname=shop", autocommit=True, prepare_threshold=None) as connection:
                connection.execute("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader")
                yield Server("postgresql", port, lambda sql, *values: _execute(connection, sql, values))


@contextmanager
def mysql_server() -> Iterator[Server]:
    """Run MariaDB for the block."""
    try:
        import pymysql
    except ImportError:
        require_or_skip("mysql", "the package pymysql is not installed")
    install, mariadbd = (_program(name, "mysql", "/usr/*bin") for name in ("mariadb-install-db", "mariadbd"))
    with _folder("mysql") as (folder, demoted):
        port = free_port()
        command = [install, "--no-defaults", f"--datadir={folder}/data", "--auth-root-authentication-method=normal"]
        subprocess.run([*command, "--skip-test-db"], check=True, capture_output=True, cwd="/", **demoted)
        command = [mariadbd, "--no-defaults", f"--datadir={folder}/data", f"--port={port}", "--bind-address=127.0.0.1"]
        command += [f"--socket={folder}/s", f"--pid-file={folder}/p", "--default-time-zone=+02:00"]
        command += ["--character-set-server=utf8mb4", "--innodb-flush-log-at-trx-commit=0"]
        with _running(command, demoted, signal.SIGTERM):
            place: dict[str, Any] = {"unix_socket": f"{folder}/s", "user": "root", "autocommit": True}
            # Not by PyMySQL, which leaves its socket open when the server does not answer yet.
            _wait(lambda: _answers(folder / "s"), OSError)
            connection = pymysql.connect(**place, charset="utf8mb4", init_command="SET sql_mode = ''")
            try:
                for sql in ("CREATE DATABASE shop", "CREATE USER reader IDENTIFIED BY %s", "USE shop"):
                    _execute(connection, sql, (PASSWORD,) if "%s" in sql else ())
                _execute(connection, "GRANT SELECT ON shop.* TO reader", ())
                yield Server("mysql", port, lambda sql, *values: _execute(connection, sql, values))
            finally:
                connection.close()


@contextmanager
def redis_server() -> Iterator[tuple[str, Path]]:
    """Run Redis for the block; yield the URL with its password, and the folder of its files."""
    from redis import Redis
    from redis.exceptions import RedisError

    program, port = _program("redis-server", "redis", "/usr/bin"), free_port()
    with _folder(None) as (folder, _):
        command = [program, "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--requirepass", "s3cret"]
        # Files are not compressed, so that a test can look for a value in them.
        command += ["--appendonly", "yes", "--appendfsync", "always", "--rdbcompression", "no", "--save", "3600", "1"]
        with _running(command, {}, signal.SIGTERM), Redis(port=port, password="s3cret") as client:
            _wait(lambda: client.ping(), RedisError)
            yield f"redis://:s3cret@127.0.0.1:{port}/0", folder


@contextmanager
def s3_server(environment: Mapping[str, str] | None = None) -> Iterator[tuple[str, Any]]:
    """Run a server that speaks S3 for the block; yield its URL and a client. It is a process of its own.

    A client that keeps the interpreter while it waits, as delta-rs does, would wait for ever for a thread.
    """
    try:
        import boto3
        import moto.server  # noqa: F401
    except ImportError:
        require_or_skip("s3", "the package moto is not installed")
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _running(command, {"env": os.environ | (environment or {})}, signal.SIGTERM):
        _wait(lambda: socket.create_connection(("127.0.0.1", port)).close(), OSError)
        access = {"aws_access_key_id": "k", "aws_secret_access_key": "s", "region_name": "us-east-1"}
        client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", **access)
        yield f"http://127.0.0.1:{port}", client
        client.close()


def _execute(connection: Any, sql: str, values: tuple[Any, ...]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values or None)


def _program(name: str, component: str, folder: str) -> str:
    """Return the path of a server's program; Debian installs some outside PATH."""
    places = Path("/").glob(f"{folder.removeprefix('/')}/{name}")
    found = shutil.which(name) or max(map(str, places), default=None)
    if found is None:
        require_or_skip(component, f"{name} is not installed")
    return str(found)


@contextmanager
def _folder(user: str | None) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield a new folder with a short path, for sockets, and how to start a process as its owner.

    Most servers refuse to run as root; Debian's packages bring users for them. Without a user, the owner is this one.
    """
    is_root = os.getuid() == 0 and user is not None
    folder = Path("/tmp") / f"bojagi-{user or 'server'}-{os.getpid()}-{time.monotonic_ns()}"
    folder.mkdir()
    shutil.chown(folder, user if user and is_root else pwd.getpwuid(os.getuid()).pw_name)
    try:
        yield folder, {"user": user} if is_root else {}
    finally:
        shutil.rmtree(folder)


@contextmanager
def _running(command: list[str], demoted: dict[str, Any], stop: signal.Signals) -> Iterator[None]:
    with subprocess.Popen(command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **demoted) as server:
        try:
            yield
        finally:
            server.send_signal(stop)
            server.wait(timeout=60)


def _answers(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(str(path))


def _wait(connect: Callable[[], None], error: type[Exception]) -> None:
    for _ in range(600):
        try:
            return connect()
        except error:
            time.sleep(0.1)
    raise TimeoutError("the server did not start within a minute")
