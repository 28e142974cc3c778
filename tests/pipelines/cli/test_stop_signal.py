"""Ctrl-C and SIGTERM end a command with one line and 130 or 143, whatever it does at that moment."""

import signal
import subprocess
import sys

import pytest

SIGNALS = {signal.SIGINT: ("Ctrl-C", 130), signal.SIGTERM: ("SIGTERM", 143)}
COMMAND = """
import sys, time
from pipelines.cli.stop_signal import StopSignals
stop = StopSignals()
def command():
{body}
try:
    stop.listen()
    print("ready", flush=True)
    try:
        command()
    finally:
        stop.finish()
except KeyboardInterrupt:
    stop.end()
print("after", flush=True)
"""
WAITING = {
    "sleeps": "time.sleep(60)",
    "computes": "while True: pass",
    "fails while it unwinds": "try: time.sleep(60)\nfinally: raise ValueError('traceback of a library')",
    "swallows one interrupt": "try: time.sleep(60)\nexcept KeyboardInterrupt: time.sleep(60)",
    "swallows every interrupt": "while True:\n    try: time.sleep(60)\n    except BaseException: print('still here')",
    "replaces the handlers": (
        "import signal\nseen = []\nfor one in (2, 15): signal.signal(one, lambda *_: seen.append(1))\n"
        "while True: time.sleep(1)"
    ),
    "prints an unraisable error": ("class Loud:\n    def __del__(self): time.sleep(60)\nLoud()\nraise SystemExit(7)"),
}


def start(body: str, before: str = "", grace: float = 2.0) -> "subprocess.Popen[str]":
    """Start a process that does this once it listens for signals."""
    indented = "".join(f"    {line}\n" for line in body.splitlines())
    shorter = f"import pipelines.cli.stop_signal as s; s.GRACE_SECONDS = {grace}; s.REPEAT_SECONDS = 0.2\n"
    code = before + shorter + COMMAND.format(body=indented)
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """Wait for the process; return its exit code and what it wrote after its first line."""
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        output, errors = process.stdout.read(), process.stderr.read()
    return process.returncode, output, errors


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("kind", WAITING)
def test_a_signal_ends_a_command_that(kind: str, number: signal.Signals) -> None:
    name, code = SIGNALS[number]
    process = start(WAITING[kind])
    process.send_signal(number)
    ending, output, errors = ended(process)
    assert ending == code
    assert errors == f"error: Stopped by {name}. What is finished is kept; run the command again to continue.\n"
    assert output == ""


def test_ctrl_c_counts_also_where_the_parent_process_ignores_it() -> None:
    process = start("time.sleep(60)", before="import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n")
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130


def test_a_second_signal_ends_a_command_that_takes_long_to_unwind() -> None:
    process = start("try: time.sleep(60)\nfinally: time.sleep(60)", grace=60)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate()
    # Two signals in the same instant may end Python by SIGINT itself, which a shell shows as 130 as well.
    assert process.returncode in (130, 143, -signal.SIGINT)
    assert errors.count("\n") <= 1


def test_a_command_without_a_signal_ends_as_usual() -> None:
    assert ended(start("print('done')")) == (0, "done\nafter\n", "")
    code, _, errors = ended(start("raise ValueError('shown')"))
    assert code == 1
    assert "ValueError: shown" in errors


def test_an_interrupt_in_a_callback_is_silent_also_before_the_signal_is_noted() -> None:
    body = (
        "class DagsterExecutionInterruptedError(BaseException): pass\nclass Loud:\n"
        "    def __init__(self, error): self.error = error\n    def __del__(self): raise self.error\n"
        "Loud(KeyboardInterrupt())\nLoud(DagsterExecutionInterruptedError())\nLoud(ValueError('shown'))"
    )
    code, _, errors = ended(start(body))
    assert code == 0
    assert "ValueError: shown" in errors
    assert "Interrupt" not in errors
