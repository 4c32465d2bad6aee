"""The page of methods, gathered from docstrings: what is done, the paper that says so, and where it is used."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

ROOMS = {
    "stats": "Arithmetic that several rooms share",
    "cells": "Rows to groups",
    "megafile": "Who is the same person",
    "donors": "Donors",
    "experiments": "Experiments",
    "outreach": "Outreach",
    "voters": "Voters",
    "polls": "Polls",
    "election": "The election",
    "sample": "The sample campaign",
}
HEAD = """# Methods and their papers

What is computed, the paper it comes from, and the modules that use it, gathered from the docstrings when this book was
built. How often each keeps its promise on campaigns drawn anew is under "How often it is right".
"""


@dataclass(frozen=True)
class Method:
    """One function or module that names its source."""

    module: str
    name: str
    does: str
    papers: str
    used_in: list[str]


def page(package: Path) -> str:
    """Return the page of methods of a package, as Markdown."""
    trees = {dotted(path, package): ast.parse(path.read_text(encoding="utf-8")) for path in package.rglob("*.py")}
    found = sorted(methods(trees), key=lambda one: (one.module, one.name))
    rooms = dict.fromkeys([*ROOMS, *(one.module.split(".")[0] for one in found)])
    parts = [HEAD]
    for room in rooms:
        mine = [one for one in found if one.module.split(".")[0] == room]
        if mine:
            parts += [f"## {ROOMS.get(room, room.capitalize())}\n", *map(entry, mine)]
    return "\n".join(parts)


def dotted(path: Path, package: Path) -> str:
    """Return a module's name within the package."""
    return ".".join(path.relative_to(package).with_suffix("").parts).removesuffix(".__init__")


def methods(trees: dict[str, ast.Module]) -> list[Method]:
    """Return every function, class and module with references in its docstring."""
    found = []
    for module, tree in trees.items():
        for node in [tree, *ast.walk(tree)]:
            if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)) and (doc := ast.get_docstring(node)):
                name = getattr(node, "name", "")
                papers = section(doc, "References")
                if papers and (node is not tree or name == ""):
                    found.append(Method(module, name, doc.split("\n\n")[0], papers, users(module, name, trees)))
    return list({(one.module, one.name): one for one in found}.values())


def section(doc: str, title: str) -> str:
    """Return a section of a NumPy docstring; empty where there is none."""
    found = re.search(rf"^{title}\n-+\n(.*?)(?=^\w[^\n]*\n-+\n|\Z)", doc, re.M | re.S)
    return found[1].strip() if found else ""


def users(module: str, name: str, trees: dict[str, ast.Module]) -> list[str]:
    """Return the modules that import a name from a module, or the module itself."""
    found = []
    for other, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and other != module:
                names = {alias.name for alias in node.names}
                direct = node.module == f"campaignkit.{module}" and (name in names or not name)
                whole = f"{node.module}.".removeprefix("campaignkit.") + module.rpartition(".")[2] == module
                by_module = whole and module.rpartition(".")[2] in names and uses(tree, module, name)
                if (direct or by_module) and "." in other:
                    found.append(other)
    return sorted(set(found))


def uses(tree: ast.Module, module: str, name: str) -> bool:
    """Return whether a module that is imported whole has one of its names used."""
    attributes = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    return not name or any(
        node.attr == name and isinstance(node.value, ast.Name) and node.value.id == module.rpartition(".")[2]
        for node in attributes
    )


def entry(one: Method) -> str:
    """Return one method's paragraph."""
    where = f"{one.module}.{one.name}".removesuffix(".")
    used = f" Used in {', '.join(f'`{name}`' for name in one.used_in)}." if one.used_in else ""
    does, papers = (re.sub(r"\s+", " ", text.replace("``", "`")) for text in (one.does, one.papers))
    return f"**`{where}`** {does}{used}\n: {papers}\n"
