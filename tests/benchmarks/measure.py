"""One contender in a process of its own: CPU seconds, wall seconds, peak memory, and what it returned.

A benchmark module has functions `contender(*texts) -> dict | None`; `measured("module", "contender", ...)` runs one in
a fresh interpreter, so that no contender warms another's caches or hides behind its peak.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from importlib import import_module
from typing import Any


def measured(module: str, contender: str, *arguments: str) -> dict[str, Any]:
    """Run a contender in its own process; return cpu, wall (seconds), MiB (peak) and what it returned."""
    command = [sys.executable, "-m", "tests.benchmarks.measure", module, contender, *arguments]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out.splitlines()[-1])


def compared(title: str, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Print two contenders' figures and their ratios."""
    print(title)
    for what, unit in (("cpu", "s"), ("wall", "s"), ("MiB", "MiB")):
        ratio = ours[what] / theirs[what]
        print(f"  {what:4}  ours {ours[what]:10.2f}  peer {theirs[what]:10.2f} {unit:3}  ratio {ratio:.2f}")


def main() -> None:
    module, contender, *arguments = sys.argv[1:]
    wall, before = time.perf_counter(), time.process_time()
    returned = getattr(import_module(module), contender)(*arguments) or {}
    taken = {"cpu": time.process_time() - before, "wall": time.perf_counter() - wall}
    taken["MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print("\n" + json.dumps(taken | returned))


if __name__ == "__main__":
    main()
