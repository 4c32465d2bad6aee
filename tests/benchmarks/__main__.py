"""Every benchmark, one after the other: `make bench`, or `python -m tests.benchmarks NAME …` for some of them.

With --keep, what a benchmark prints goes to book/benchmarks/NAME.md too, with its date, commit, machine and seed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

from tests.provenance import commit

HERE = Path(__file__).parent
KEPT = HERE.parents[1] / "book" / "benchmarks"


def run(name: str) -> str:
    """Run a benchmark; return what it printed, having shown each line as it came."""
    command = [sys.executable, "-m", f"tests.benchmarks.bench_{name}"]
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            lines.append(line)
    if process.returncode:
        sys.exit(f"The benchmark {name} failed.")
    return "".join(lines)


def page(name: str, module: ModuleType, printed: str) -> str:
    """Return the page of the book for what a benchmark printed."""
    lines = printed.strip("\n")
    title, _, rest = (module.__doc__ or name).partition("\n")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    known = getattr(module, "SEED", "as in its source")
    seed = "nothing is drawn at random" if known is None else f"seed {known}"
    return (
        f"# {name.capitalize()}\n\n{dt.date.today()}, {commit()}; {seed}; {len(os.sched_getaffinity(0))} cores, "
        f"{memory:.0f} GiB, Python {sys.version.split()[0]}; `make bench BENCH={name}`.\n\n"
        f"{title}\n\n```text\n{lines}\n```\n\n{_prose(rest)}\n"
    )


def _prose(text: str) -> str:
    """Return a docstring without its command, which the page's first line has."""
    return "\n".join(line for line in text.strip().splitlines() if "python -m" not in line).strip()


def main() -> None:
    known = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(known)}")
    parser.add_argument("--keep", action="store_true", help="write book/benchmarks/NAME.md")
    given = parser.parse_args()
    for name in given.names or known:
        if name not in known:
            sys.exit(f"There is no benchmark {name!r}; there are: {', '.join(known)}.")
        print(f"\n== {name}", flush=True)
        printed = run(name)
        if given.keep:
            KEPT.mkdir(exist_ok=True)
            text = page(name, import_module(f"tests.benchmarks.bench_{name}"), printed)
            (KEPT / f"{name}.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
