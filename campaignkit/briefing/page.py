"""The morning's page: one HTML file, a JSON twin of every number on it, a PDF where wanted."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from campaignkit.briefing.parts import Part
from campaignkit.briefing.report import html_page
from campaignkit.briefing.standing import with_room
from campaignkit.briefing.tonight import Tonight
from campaignkit.errors import BadValue
from campaignkit.spreadsheets import Drafts

ORDER = ("forecast", "polls", "money", "contacts", "emails", "lists", "television", "scores", "files", "checks")
HERE = Path(__file__).parent


def publish(tonight: Tonight) -> Part:
    """Write the page, its twin and its PDF together, and what later nights compare with."""
    twin = _twin(tonight)
    wanted, folder = tonight.settings.page, tonight.folder
    svgs = {name: [chart["svg"] for chart in tonight.parts[name]["charts"]] for name in twin["parts"]}
    kept = {name: part["kept"] for name, part in tonight.parts.items() if part["kept"]}
    history = {"night": twin["night"], "as_of": twin["as_of"], "kept": kept}
    made = {"page.html": with_room("page.html", html_page(twin, svgs)).encode(),
            "page.json": with_room("page.json", as_json(twin).decode()).encode()}  # fmt: skip
    made |= {"page.pdf": pdf_page(twin, svgs)} if wanted.pdf else {}
    dated = {f"pages/{twin['as_of']}{Path(name).suffix}": made[name] for name in made if name != "page.json"}
    with Drafts() as drafts:
        for name, content in (dated | made | {f"history/night-{twin['night']:04d}.json": as_json(history)}).items():
            drafts.add(_foldered(folder / name), content)
        drafts.put_in_place()
    if not wanted.pdf:
        for name in ("page.pdf", f"pages/{twin['as_of']}.pdf"):  # an earlier run's would be taken for this one's
            (folder / name).unlink(missing_ok=True)
    return Part("Page")


def _foldered(path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadValue(f"{str(path.parent)!r} can't be made ({error.strerror}); nothing was changed.") from error
    return path


def as_json(value: Any) -> bytes:
    """Return JSON that is the same for the same content.

    Examples
    --------
    >>> as_json({"share": 0.5})
    b'{\\n "share": 0.5\\n}\\n'
    """
    return (json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()


def _twin(tonight: Tonight) -> dict[str, Any]:
    """Return everything that the page says, without its pictures."""
    names = [name for name in ORDER if name in tonight.parts]
    parts = {name: {key: value for key, value in tonight.parts[name].items() if key != "kept"} for name in names}
    for part in parts.values():
        part["charts"] = [{"title": chart["title"], "description": chart["description"]} for chart in part["charts"]]
    checks = [check for name in names for check in parts[name].pop("checks") if check["level"] != "well"]
    checks.sort(key=lambda check: check["level"] != "stop")
    since = tonight.since[1]
    return {
        "title": tonight.settings.page.title, "as_of": str(tonight.megafile.as_of), "night": tonight.night,
        "since": since, "trusted": not tonight.stopped, "verdict": _verdict(checks), "checks": checks, "parts": parts,
    }  # fmt: skip


def _verdict(checks: list[dict[str, str]]) -> str:
    """Return the page's first line."""
    stops = [check["what"] for check in checks if check["level"] == "stop"]
    if stops:
        return f"Not to be trusted today; no lists were written. {' '.join(stops)}"
    if checks:
        return f"Read with care: {' '.join(check['what'] for check in checks[:2])}" + (
            f" And {len(checks) - 2} more below." if len(checks) > 2 else ""
        )
    return "All checks passed."


def pdf_page(twin: dict[str, Any], svgs: dict[str, list[str]]) -> bytes:
    """Return the page as a PDF, set by Typst: all text reaches it as data, none as markup.

    Raises
    ------
    BadValue
        If typst, which comes with ``campaignkit[pdf]``, is not installed.
    """
    if find_spec("typst") is None:
        raise BadValue("[page] pdf = true needs typst, which is not installed here: pip install 'campaignkit[pdf]'")
    import typst

    data = json.dumps(twin | {"svgs": svgs}, ensure_ascii=False)
    return typst.compile((HERE / "page.typ").read_bytes(), sys_inputs={"data": data})
