"""One contender in a process of its own: CPU seconds, wall seconds, peak memory, and what it returned.

A benchmark module has functions `contender(*texts)`; `measured("module", "contender", ...)` runs one in a fresh
interpreter, so that no contender warms another's caches or hides behind its peak. What is timed is the contender, which
returns a dict or None; or, where it returns a function, that function alone: the contender has opened the file, and
made the call once to warm it.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

FIGURES = {"cpu": "s", "wall": "s", "MiB": "MiB"}


def measured(module: str, contender: str, *arguments: str) -> dict[str, Any]:
    """Run a contender in its own process; return cpu, wall (seconds), MiB (peak; start: before) and what it returned."""
    command = [sys.executable, "-m", "tests.benchmarks.measure", module, contender, *arguments]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out.splitlines()[-1])


def medians(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return several runs of one contender as one, with the medians of their figures."""
    return {**runs[0], **{what: statistics.median(run[what] for run in runs) for what in (*FIGURES, "start")}}


def turn_about(module: str, contenders: Sequence[str], repeats: int, *arguments: str) -> dict[str, dict[str, Any]]:
    """Run contenders in turn, several times over; return each one's medians."""
    rounds = [{one: measured(module, one, *arguments) for one in contenders} for _ in range(repeats)]
    return {one: medians([each[one] for each in rounds]) for one in contenders}


def compared(title: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
    """Print two contenders' figures and their ratios."""
    compared_all(title, {"ours": ours, "peer": theirs})


def compared_all(title: str, runs: Mapping[str, Mapping[str, Any]]) -> None:
    """Print the figures of several contenders, and the ratio of the first's to each other's."""
    print(title)
    (name, ours), *others = runs.items()
    for what, unit in FIGURES.items():
        told = "".join(f"  {other} {run[what]:10.3f} (ratio {ours[what] / run[what]:.2f})" for other, run in others)
        print(f"  {what:4} {unit:3}  {name} {ours[what]:10.3f}{told}")


def peak() -> float:
    """Return this process's peak memory in MiB; on Linux getrusage would give its parent's where that was larger."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return int(next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM"))) / 1024


def main() -> None:
    module, contender, *arguments = sys.argv[1:]
    call, start, wall, before = (
        getattr(import_module(module), contender),
        peak(),
        time.perf_counter(),
        time.process_time(),
    )
    returned = call(*arguments)
    if callable(returned):
        start, wall, before = peak(), time.perf_counter(), time.process_time()
        returned = returned()
    taken = {"cpu": time.process_time() - before, "wall": time.perf_counter() - wall, "MiB": peak(), "start": start}
    print("\n" + json.dumps(taken | (returned or {})))


if __name__ == "__main__":
    main()
