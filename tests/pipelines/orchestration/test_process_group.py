"""A stop signal ends the command and every process that it has started, also one that ignores the signal."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from pipelines.orchestration.process_group import run_group

SLEEPER = "import time; print('ready', flush=True); time.sleep(600)"
DEAF = "import signal, time; [signal.signal(n, signal.SIG_IGN) for n in (2, 15)]; " + SLEEPER
PARENT = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', sys.argv[1]]); import time; time.sleep(600)"
# A shell that starts the tests in the background makes them ignore SIGINT, and so all that they start.
RUNNER = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from pipelines.orchestration.process_group import run_group\n"
    "ending = run_group([sys.executable, '-c', *sys.argv[1:]], os.environ, grace_seconds=1.0)\n"
    "print(ending.stopped_by.name, flush=True)"
)


# Long enough for a busy machine; a process that is not ended would sleep for 600 seconds.
WAIT_SECONDS = 300


def _start(child: str, before: str = "") -> tuple["subprocess.Popen[str]", list[psutil.Process]]:
    """Start a process that runs a parent with a child, and return it with its descendants."""
    command = [sys.executable, "-c", before + RUNNER, PARENT, child]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    descendants = psutil.Process(process.pid).children(recursive=True)
    assert len(descendants) == 2
    return process, descendants


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stop_signal_ends_all_descendants(number: signal.Signals) -> None:
    # The tests may run under nohup, whose children ignore SIGHUP.
    process, descendants = _start(SLEEPER, before="import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL)\n")
    process.send_signal(number)
    output, _ = process.communicate(timeout=WAIT_SECONDS)
    assert (output, process.returncode) == (f"{number.name}\n", 0)
    assert not [one for one in descendants if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def test_a_hangup_that_is_ignored_as_under_nohup_ends_nothing() -> None:
    process, descendants = _start(SLEEPER, before="import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n")
    process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert process.poll() is None
    assert all(one.is_running() for one in descendants)
    process.terminate()
    output, _ = process.communicate(timeout=WAIT_SECONDS)
    assert output == "SIGTERM\n"


def test_sigterm_counts_where_the_parent_process_ignores_it() -> None:
    process, descendants = _start(SLEEPER, before="import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n")
    process.terminate()
    output, _ = process.communicate(timeout=WAIT_SECONDS)
    assert output == "SIGTERM\n"
    assert not [one for one in descendants if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def test_a_child_that_ignores_stop_signals_is_killed_after_the_grace_period() -> None:
    process, descendants = _start(DEAF)
    started = time.monotonic()
    process.terminate()
    process.communicate(timeout=WAIT_SECONDS)
    assert time.monotonic() - started >= 1.0
    assert not [one for one in descendants if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def test_a_command_that_ends_by_itself_returns_its_exit_code_and_leaves_no_child(tmp_path: Path) -> None:
    leaves_a_child = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]); sys.exit(7)"
    before = set(psutil.Process().children(recursive=True))
    ending = run_group([sys.executable, "-c", leaves_a_child], os.environ, grace_seconds=1.0)
    assert (ending.exit_code, ending.stopped_by) == (7, None)
    left = set(psutil.Process().children(recursive=True)) - before
    assert not [one for one in left if one.status() != psutil.STATUS_ZOMBIE]
