"""A Postgres server of one's own, on a port of its own."""

import getpass
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

SERVER = shutil.which("postgres") or next(map(str, Path("/usr/lib/postgresql").glob("*/bin/postgres")), None)


@contextmanager
def running_postgres() -> Generator[str]:
    """Yield the address of a server that lies in a folder of its own, and stop it."""
    programs = Path(SERVER or "").resolve().parent
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        user = []
        if getpass.getuser() == "root":  # the server refuses to run as root
            shutil.chown(folder, "postgres")
            user = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"]
        data, log = f"{folder}/data", f"{folder}/log"
        quiet = {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder}
        subprocess.run([*user, programs / "initdb", "-D", data, "-A", "trust", "-U", "campaign", "--no-sync"], **quiet)
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        subprocess.run([*user, programs / "pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start"], **quiet)
        try:
            yield f"postgresql://campaign:secret@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*user, programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **quiet)
