"""ARCHITECTURE.md's floors hold: every room is named there, imports run down only, and no two modules need each other."""

import ast
import re
from pathlib import Path

import pytest

from tests.size import read_module

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "campaignkit"


def floors() -> dict[str, int]:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| ([\w, ]+) \|$", text, re.MULTILINE)
    return {room.strip(): int(floor) for floor, rooms in rows for room in rooms.split(",")}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "campaignkit":
            parts = node.module.split(".")
            rooms |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            rooms |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("campaignkit.")}
    return rooms


MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]


def test_every_room_is_named_and_every_name_is_a_room():
    rooms = {room_of(path) for path in MODULES}
    assert rooms == set(floors())
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert rooms == set(re.findall(r"^- `(\w+)`:", text, re.MULTILINE))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_down_only(path):
    known, own = floors(), room_of(path)
    for room in imported_rooms(path) - {own}:
        assert room in known, f"{path.name} imports {room}, which ARCHITECTURE.md does not name"
        assert known[room] < known[own], f"{own} (floor {known[own]}) imports {room} (floor {known[room]})"


#: Rooms whose circles are still to be undone.
WITH_CIRCLES = ()


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def imported_modules(path: Path, known: set[str]) -> set[str]:
    """Return the package's modules that a module imports anywhere in it, for types alone too."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = {f"{node.module}.{alias.name}" for alias in node.names} & known
            modules |= parts or {node.module} & known
        elif isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names} & known
    return modules


def circles(imports: dict[str, set[str]]) -> list[set[str]]:
    """Return the sets of modules that import each other, by whatever detour."""
    reached = {name: set(others) for name, others in imports.items()}
    for middle in reached:
        for name in reached:
            if middle in reached[name]:
                reached[name] |= reached[middle]
    grouped = {frozenset(b for b in reached[a] if a in reached[b]) for a in reached if a in reached[a]}
    return [set(group) for group in grouped]


def test_no_two_modules_import_each_other():
    paths = {name_of(path): path for path in PACKAGE.rglob("*.py")}
    skipped = tuple(f"campaignkit.{room}" for room in WITH_CIRCLES)
    imports = {
        name: imported_modules(path, set(paths)) - {name, "campaignkit"}
        for name, path in paths.items()
        if name != "campaignkit" and not name.startswith(skipped)
    }
    assert circles({name: others & set(imports) for name, others in imports.items()}) == []


def test_a_circle_is_found_however_long():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [{"a", "b", "c"}]
    assert circles({"a": {"b"}, "b": set()}) == []


def test_no_module_is_over_450_lines_and_no_function_over_50():
    modules = [read_module(path, PACKAGE) for path in MODULES]
    assert [module.name for module in modules if module.lines > 450] == []
    assert [(m.name, name) for m in modules for name, length in m.functions.items() if length > 50] == []
