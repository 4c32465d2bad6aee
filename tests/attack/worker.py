"""A process that makes attempts as they are asked for on standard input, and can be ended when one hangs."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
from typing import Any

from tests.attack.attempts import Attempt, what

MEMORY = 6 << 30  # bytes of address space, beyond which a process is refused more
HANGS = 15.0  # seconds after which an attempt is ended
WARMING = (
    300.0  # seconds more for a process's start, and its first attempt of a kind, which makes what is to be damaged
)
ALONE = 1_200  # seconds after which a process whose parent is gone ends by itself
REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Worker:
    """A child process that makes attempts; it is begun anew when one hangs or ends it."""

    def __init__(self, hangs: float = HANGS) -> None:
        self.hangs = hangs
        self._process: subprocess.Popen[bytes] | None = None
        self._pending = b""
        self._warm: set[str] = set()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def attempt(self, kind: str, seed: int) -> list[Attempt]:
        """Return what came of an attempt; a history's seed stands for several."""
        process = self._begun()
        assert process.stdin is not None
        process.stdin.write(f"{json.dumps([kind, seed])}\n".encode())
        process.stdin.flush()
        line = self._line(process, self.hangs if kind in self._warm else self.hangs + WARMING)
        self._warm.add(kind)
        if line is None:
            self._end()
            return [Attempt(kind, seed, what(kind, seed), "hung", f"ended after {self.hangs:.0f} s", self.hangs)]
        if not line:
            code = process.wait()
            self._end()
            return [Attempt(kind, seed, what(kind, seed), "crashed", f"the process ended with {code}", 0.0)]
        return [Attempt(**row) for row in json.loads(line)]

    def _begun(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            environment = os.environ | {
                "PYTHONPATH": os.pathsep.join(filter(None, [REPO, os.environ.get("PYTHONPATH", "")]))
            }
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.attack.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, env=environment, start_new_session=True,
            )  # fmt: skip
            self._pending, self._warm = b"", set()
            assert self._line(self._process, WARMING) == b"ready"
        return self._process

    def _line(self, process: subprocess.Popen[bytes], wait: float) -> bytes | None:
        """Return the next line; empty: the process has ended; None: it does not answer in time."""
        assert process.stdout is not None
        while b"\n" not in self._pending:
            if not select.select([process.stdout], [], [], wait)[0]:
                return None
            part = os.read(process.stdout.fileno(), 1 << 20)
            if not part:
                return b""
            self._pending += part
        line, _, self._pending = self._pending.partition(b"\n")
        return line

    def _end(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


def main() -> None:
    """Read [kind, seed] a line, answer with the attempts a line."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # nothing that campaignkit prints may come between the answers
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    _say(out, "ready")
    for line in sys.stdin:
        kind, seed = json.loads(line)
        signal.alarm(ALONE)
        _say(out, json.dumps([one.row() for one in _attempts(kind, seed)]))


def _attempts(kind: str, seed: int) -> list[Attempt]:
    if kind == "histories":
        from tests.attack.test_histories import histories

        return histories(seed)
    from tests.attack.attempts import attempt

    return [attempt(kind, seed)]


def _say(out: Any, line: str) -> None:
    out.write(line + "\n")
    out.flush()


if __name__ == "__main__":
    main()
