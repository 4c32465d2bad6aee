"""axe-core in a page: what it finds that keeps somebody from reading it. From npm, at one version, checked by its hash."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
from functools import cache
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser import lab

VERSION = "4.14.1"
SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"  # of axe.min.js
SERIOUS = ("serious", "critical")

RUN = """async () => {
  const found = await axe.run(document, { resultTypes: ["violations"] });
  return found.violations.map(({ id, impact, help, nodes }) => ({ id, impact, help,
    nodes: nodes.map(node => `${node.target.join(" ")}: ${node.html.slice(0, 160)} | ${node.any.concat(node.all, node.none)
      .map(check => check.message).join("; ").slice(0, 200)}`) }));
}"""


@cache
def script() -> str:
    """Return axe-core's source, fetched once into build/; without npm or its registry the test is skipped."""
    archive = lab.BUILD / f"axe-core-{VERSION}.tgz"
    if not archive.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("axe-core comes from npm, which is not installed here")
        lab.BUILD.mkdir(exist_ok=True)
        command = [npm, "pack", f"axe-core@{VERSION}", "--silent", "--pack-destination", str(lab.BUILD)]
        fetched = subprocess.run(command, cwd=lab.BUILD, capture_output=True, text=True, timeout=120)
        if fetched.returncode or not archive.exists():
            pytest.skip(f"npm can't fetch axe-core {VERSION}: {fetched.stderr.strip()[-200:]}")
    with tarfile.open(archive) as packed:
        member = packed.extractfile("package/axe.min.js")
        content = member.read() if member is not None else b""
    assert hashlib.sha256(content).hexdigest() == SHA256, f"{archive.name} is not the axe-core that was pinned"
    return content.decode("utf-8")


def findings(page: Page) -> list[dict[str, Any]]:
    """Return what axe-core finds on a page: id, impact, help and the elements."""
    page.evaluate(script())
    return page.evaluate(RUN)


def serious(page: Page) -> list[str]:
    """Return a line for each serious or critical finding, with its first elements."""
    return [
        f"{one['impact']} {one['id']}: {one['help']} ({len(one['nodes'])}): {one['nodes'][:3]}"
        for one in findings(page)
        if one["impact"] in SERIOUS
    ]
