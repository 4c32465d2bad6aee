"""A refresh runs in a process of its own: what happens to it, the analyst's session and the standing file stay."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from campaignkit import errors
from campaignkit.progress import Steps

if TYPE_CHECKING:
    import duckdb

_RUN = "from campaignkit.megafile.refresh.worker import main; main()"


def run_in_child(job: dict[str, Any], steps: Steps) -> int:
    """Run a job in a child process, show its steps, and return the night's number.

    Parameters
    ----------
    job : dict
        `what` (refresh or retrain), `path`, `memory_limit`, and for a refresh `folder`, `layouts`, `accept`, `tables`
        and `as_of`.
    steps : Steps
        To show the child's steps with.

    Raises
    ------
    CampaignkitError
        Whatever of its kind the child raised; also where the child was killed.
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "CAMPAIGNKIT_PROGRESS": "0"}
    with subprocess.Popen(
        [sys.executable, "-c", _RUN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps(job) + "\n")
        child.stdin.flush()  # and kept open: the child ends when it closes
        last_message = _follow(child.stdout, steps)
    if "night" in last_message:
        return last_message["night"]
    kind = getattr(errors, last_message.get("error", ""), errors.CampaignkitError)
    died = (
        f"The process that wrote it ended with code {child.returncode}. What stood before still stands; run it again."
    )
    raise kind(last_message.get("message", died))


def _follow(stdout: IO[str], steps: Steps) -> dict[str, Any]:
    """Show each step that the child begins; return the last thing it said."""
    message: dict[str, Any] = {}
    line = stdout.readline()
    while line:
        message = json.loads(line)
        if "step" not in message:
            stdout.read()
            return message
        with steps.step(message["step"]):
            line = stdout.readline()
    return {}


class _Told(Steps):
    """Steps that are told to the parent."""

    @contextmanager
    def step(self, name: str, con: duckdb.DuckDBPyConnection | None = None) -> Generator[None]:
        """Say that a step begins."""
        _say({"step": name})
        yield


def _say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


def main() -> None:
    """Read a job from standard input, run it, say how it ended."""
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from campaignkit.megafile.refresh.order_of_work import refresh, retrain

    told = _Told("", show=False)
    try:
        if job["what"] == "retrain":
            night = retrain(Path(job["path"]), told, job["memory_limit"])
        else:
            folder, day = job["folder"] and Path(job["folder"]), job["as_of"] and date.fromisoformat(job["as_of"])
            night = refresh(
                Path(job["path"]), folder, job["layouts"], told, job["accept"], job["tables"], day, job["memory_limit"]
            )
        _say({"night": night})
    except errors.CampaignkitError as error:
        _say({"error": type(error).__name__, "message": str(error)})


def _end_with_parent() -> None:
    """End when the parent is gone: nobody would learn what came of it."""
    sys.stdin.read()
    os._exit(1)
