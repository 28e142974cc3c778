"""Starts the processes of both machines, kills them at random, and takes down what they acknowledge."""

from __future__ import annotations

import json
import os
import random
import selectors
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

from bench.fleet.machine import CUSTOMERS, MACHINES, Fleet, Outcome, Plan


def disturb(fleet: Fleet, plan: Plan, seed: int = 23) -> Outcome:
    """Run the processes and kill them at random until everything of the plan was done; return what happened."""
    drawn, outcome, started = random.Random(seed), Outcome(), 0
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        running = dict[str, subprocess.Popen[str]]()

        def start(place: str) -> None:
            nonlocal started
            started += 1
            kind, machine = place.split()
            command = [sys.executable, "-m", "bench.fleet.worker", kind, "--seed", f"{seed}-{started}"]
            command += ["--customers", str(fleet.folder / CUSTOMERS), "--pause", str(plan.pause_seconds)]
            command += ["--table", plan.table]
            command += ["--select", plan.selection] if plan.selection else []
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, text=True, start_new_session=True,
                env={**os.environ, **fleet.variables[machine]},
            )  # fmt: skip
            assert process.stdout is not None
            os.set_blocking(process.stdout.fileno(), False)
            selector.register(process.stdout, selectors.EVENT_READ, place)
            running[place] = process

        def end(place: str) -> None:
            process = running.pop(place)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            assert process.stdout is not None
            _take_lines(process, place, rest, outcome)
            selector.unregister(process.stdout)
            process.stdout.close()

        def end_all() -> None:
            for place in list(running):
                end(place)

        rest = dict[str, str]()
        # Also after an error or an interrupt: the processes have sessions of their own and would go on.
        stack.callback(end_all)
        for kind in ("serve", "work"):
            for machine in MACHINES:
                start(f"{kind} {machine}")
        next_kill = time.monotonic() + drawn.uniform(*plan.seconds_between_kills)
        while not _is_complete(outcome, plan):
            for key, _ in selector.select(timeout=0.2):
                _take_lines(running[key.data], key.data, rest, outcome)
            for place, process in list(running.items()):
                if process.poll() is not None:  # it was not killed, so its error is a fault
                    outcome.lines.append({"kind": "process", "state": "failed", "error": f"{place} ended by itself"})
                    end(place)
                    start(place)
            if time.monotonic() >= next_kill and outcome.kills < 3 * plan.kills:
                place = drawn.choice(sorted(running))
                end(place)
                outcome.kills += 1
                start(place)
                next_kill = time.monotonic() + drawn.uniform(*plan.seconds_between_kills)
    return outcome


def _is_complete(outcome: Outcome, plan: Plan) -> bool:
    done = outcome.count("read", "consent", "object", "statistics", "run", "approve", "execute")
    return (
        done >= plan.operations
        and outcome.count("run") >= plan.runs
        and outcome.count("approve") >= plan.erasures
        and outcome.kills >= plan.kills
    )


def _take_lines(process: subprocess.Popen[str], place: str, rest: dict[str, str], outcome: Outcome) -> None:
    assert process.stdout is not None
    text = rest.pop(place, "") + (process.stdout.read() or "")
    *lines, last = text.split("\n")
    if process.poll() is None:
        rest[place] = last  # of a killed process, half a line says nothing
    outcome.lines += [{**json.loads(line), "place": place} for line in lines if line]
