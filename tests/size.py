"""How large the package is: `make size`, or `make size BASE=commit` for that commit beside today's.

Code lines are those that hold code: no blank line, comment or docstring. A duplicated run is six or more code lines,
the same to the letter, that stand in two places.
"""

from __future__ import annotations

import argparse
import ast
import io
import subprocess
import tarfile
import tempfile
import tokenize
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).parents[1]
RUN = 6  # lines


@dataclass(frozen=True)
class Module:
    """One module's lines: all, those with code, those of docstrings, and its functions' lengths in lines."""

    name: str
    lines: int
    code: list[str]
    docstring_lines: int
    functions: dict[str, int]
    imports: set[str]


def _docstrings(tree: ast.Module) -> set[int]:
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                lines |= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return lines


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef, docstrings: set[int]) -> int:
    return sum(line not in docstrings for line in range(node.lineno, (node.end_lineno or node.lineno) + 1))


def read_module(path: Path, package: Path) -> Module:
    """Return what a module's text says of its size."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    docstrings = _docstrings(tree)
    skip = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    held: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in skip:
            held |= set(range(token.start[0], token.end[0] + 1))
    lines = text.splitlines()
    code = [lines[at - 1].strip() for at in sorted(held - docstrings)]
    functions = {
        node.name: _length(node, docstrings)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    name = ".".join(path.relative_to(package.parent).with_suffix("").parts)
    return Module(name, len(lines), code, len(docstrings), functions, _imported(tree))


def _imported(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("campaignkit"):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def circles(modules: list[Module]) -> int:
    """Return how many groups of modules import each other, type-only imports included."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    place = {module.name: at for at, module in enumerate(modules)}
    edges = [(place[m.name], place[name]) for m in modules for name in m.imports & set(place) - {m.name}]
    start, end = zip(*edges, strict=True)
    graph = coo_array(([1] * len(edges), (start, end)), shape=(len(place), len(place)))
    _, group = connected_components(graph, connection="strong")
    return sum(size > 1 for size in Counter(group.tolist()).values())


def duplicated_runs(modules: list[Module]) -> int:
    """Return how many pairs of places share a run of code lines to the letter."""
    places: dict[tuple[str, ...], set[tuple[str, int]]] = defaultdict(set)
    for module in modules:
        for at in range(len(module.code) - RUN + 1):
            run = tuple(module.code[at : at + RUN])
            if not all(line.startswith(("from ", "import ")) or len(line) < 4 for line in run):
                places[run].add((module.name, at))
    pairs = {tuple(sorted({name for name, _ in where})) for where in places.values() if len(where) > 1}
    return len(pairs)


def measure(folder: Path) -> dict[str, object]:
    """Return the figures of a checkout's package."""
    package = folder / "campaignkit"
    modules = [read_module(path, package) for path in sorted(package.rglob("*.py")) if "notebooks" not in path.parts]
    longest = max(modules, key=lambda module: module.lines)
    name, length = max(
        ((f"{m.name}.{f}", n) for m in modules for f, n in m.functions.items()), key=lambda pair: pair[1]
    )
    return {
        "code lines": sum(len(module.code) for module in modules),
        "code lines outside sample/": sum(len(m.code) for m in modules if ".sample" not in m.name),
        "docstring lines": sum(module.docstring_lines for module in modules),
        "modules": len(modules),
        "modules over 450 lines": sum(module.lines > 450 for module in modules),
        "longest module": f"{longest.lines} ({longest.name})",
        "functions over 50 lines": sum(n > 50 for module in modules for n in module.functions.values()),
        "longest function": f"{length} ({name})",
        "circles between modules": circles(modules),
        f"pairs of modules that share {RUN} lines": duplicated_runs(modules),
    }


def measure_commit(commit: str) -> dict[str, object]:
    """Return the figures of an earlier commit."""
    packed = subprocess.run(["git", "archive", commit, "campaignkit"], cwd=REPO, capture_output=True, check=True).stdout
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
        return measure(Path(folder))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.size", description=__doc__)
    parser.add_argument("base", nargs="?", help="a commit to stand beside today's")
    base = parser.parse_args().base
    now = measure(REPO)
    before = measure_commit(base) if base else {}
    for figure, value in now.items():
        print(f"{figure:36}" + (f"{before[figure]!s:>40}" if base else "") + f"{value!s:>52}")


if __name__ == "__main__":
    main()
