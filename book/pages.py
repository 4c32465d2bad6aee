"""Pages that are written from what the repository holds: questions, calls, layouts, and what the search page needs."""

from __future__ import annotations

import json
import re
import tomllib
from itertools import dropwhile, takewhile
from pathlib import Path

from docutils import nodes
from sphinx.environment import BuildEnvironment

LAYOUTS_HEAD = """# Layouts: the files it knows

A build tells each export by its columns. These layouts come with campaignkit; one of your own is a TOML file
(`campaignkit inspect FILE…` drafts it, [Load your own files](howto/5_my_own_files.md) walks through it).

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
    rows = ["| question | call | chapter |", *_table(readme)[1:]]
    return "\n".join(re.sub(r"`(\d\d_\w+)` \|$", lambda m: f"[{titles[m[1]]}](chapters/{m[1]}) |", row) for row in rows)


def calls(readme: str) -> dict[str, str]:
    """Return the calls that each notebook shows, by its name: those of its rows in the README's table."""
    named: dict[str, list[str]] = {}
    for row in _table(readme)[2:]:
        _, call, notebook = (cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row.strip("|")))
        if notebook and "`" in call:
            named.setdefault(notebook.strip("`"), []).append(call)
    return {notebook: "; ".join(own) for notebook, own in named.items()}


def _table(readme: str) -> list[str]:
    """Return the lines of the README's table of questions."""
    lines = readme.partition("## Questions, functions, notebooks\n")[2].splitlines()
    rows = dropwhile(lambda line: not line.startswith("|"), lines)
    return list(takewhile(lambda line: line.startswith("|"), rows))


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


def excerpts(env: BuildEnvironment, names: dict[str, str]) -> str:
    """Return a script with what the search page needs.

    Parameters
    ----------
    env : BuildEnvironment
        The book, of which every page's and section's prose is written, to be shown beside a hit.
    names : dict of str to str
        What people call a page's task, by the page.
    """
    if unknown := sorted(names.keys() - env.found_docs):
        raise ValueError(f"search_words.toml names pages that are not in the book: {', '.join(unknown)}")
    texts = {}
    for name in sorted(env.found_docs):
        page = env.get_doctree(name)
        sections = {f"#{section['ids'][0]}": _prose(section) for section in page.findall(nodes.section)}
        texts[name] = {"": _prose(page)} | sections
    written = {"EXCERPTS": texts, "EVERYDAY_NAMES": names}
    return "".join(f"const {name} = {json.dumps(held, ensure_ascii=False)};\n" for name, held in written.items())


def _prose(node: nodes.Element) -> str:
    return " ".join(" ".join(part.astext().split()) for part in node.findall(nodes.paragraph))[:4000]
