"""Pages that are written from what the repository holds: the front page's questions, the layouts, search excerpts."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

from docutils import nodes
from sphinx.environment import BuildEnvironment

LAYOUTS_HEAD = """# Layouts: the files it knows

A build tells each export by its columns. These layouts come with campaignkit; one of your own is a TOML file
(`campaignkit inspect FILE…` drafts it, [My own files](howto/5_my_own_files.md) walks through it).

| layout | file | told by these columns |
|---|---|---|
"""


def questions(readme: str, titles: dict[str, str]) -> str:
    """Return the README's table of questions, its notebooks linked by their chapters' titles.

    Parameters
    ----------
    readme : str
        The README, whose table stands under the heading "Questions, functions, notebooks".
    titles : dict of str to str
        Each notebook's title, by its name.
    """
    _, _, rest = readme.partition("## Questions, functions, notebooks\n")
    rows = [line for line in rest.splitlines() if line.startswith("|")]
    rows[0] = "| question | call | chapter |"
    linked = [re.sub(r"`(\d\d_\w+)` \|$", lambda m: f"[{titles[m[1]]}](chapters/{m[1]}) |", row) for row in rows]
    return "\n".join(linked[: _table_rows(rest)])


def _table_rows(text: str) -> int:
    """Return how many lines the first table of a text has."""
    lines = text.splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith("|"))
    return next((at for at, line in enumerate(lines[first:]) if not line.startswith("|")), len(lines) - first)


def title_of(notebook: Path) -> str:
    """Return a notebook's title: its first heading."""
    return re.search(r"^# # (.+)$", notebook.read_text(encoding="utf-8"), re.MULTILINE)[1]  # ty: ignore


def layouts(folder: Path) -> str:
    """Return the page of the layouts that come with the package."""
    rows = []
    for path in sorted(folder.glob("*.toml")):
        layout = tomllib.loads(path.read_text(encoding="utf-8"))
        required = layout["file"].get("required") or layout["file"].get("columns", [])
        columns = ", ".join(f"`{name}`" for name in required[:6]) + (" …" if len(required) > 6 else "")
        rows.append(f"| `{layout['name']}` | {layout['title']} | {columns} |")
    return LAYOUTS_HEAD + "\n".join(rows).replace("\\", "\\\\") + "\n"


def excerpts(env: BuildEnvironment) -> str:
    """Return a script with the prose of every page and section, for the search page to show."""
    texts = {}
    for name in sorted(env.found_docs):
        page = env.get_doctree(name)
        sections = {f"#{section['ids'][0]}": _prose(section) for section in page.findall(nodes.section)}
        texts[name] = {"": _prose(page)} | sections
    return f"const EXCERPTS = {json.dumps(texts, ensure_ascii=False)};\n"


def _prose(node: nodes.Element) -> str:
    return " ".join(" ".join(part.astext().split()) for part in node.findall(nodes.paragraph))[:4000]
