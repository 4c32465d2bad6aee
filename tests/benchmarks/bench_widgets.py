"""UniverseBuilder at ten million people: from a key press to the changed count and chart on the screen, and in Python.

python -m tests.benchmarks.bench_widgets --people 1_000_000 10_000_000
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb

from campaignkit.megafile import schema
from tests.benchmarks.measure import measured

ME = "tests.benchmarks.bench_widgets"

# States by size, thirty counties each; half of the people's facts hang on the others', as nothing here is modelled.
# The tables are what a build writes, filled at random: the worst case for a cube, since real answers cluster more.
PLACES = """
CREATE TEMP TABLE place AS SELECT (row_number() OVER () - 1)::UBIGINT AS place, state, 'County ' || c AS county
FROM (VALUES ('CA', 12), ('TX', 8), ('FL', 6), ('NY', 6), ('PA', 4), ('IL', 4), ('OH', 4), ('GA', 3), ('NC', 3),
  ('MI', 3), ('NJ', 3), ('VA', 3), ('WA', 2), ('AZ', 2), ('MA', 2), ('TN', 2), ('IN', 2), ('MO', 2), ('MD', 2),
  ('WI', 2), ('CO', 2), ('MN', 2), ('SC', 2), ('AL', 2), ('LA', 1), ('KY', 1), ('OR', 1), ('OK', 1), ('CT', 1),
  ('UT', 1), ('IA', 1), ('NV', 1), ('AR', 1), ('MS', 1), ('KS', 1), ('NM', 1), ('NE', 1), ('WV', 1), ('ID', 1),
  ('HI', 1), ('NH', 1), ('ME', 1), ('MT', 1), ('RI', 1), ('DE', 1), ('SD', 1), ('ND', 1), ('AK', 1), ('DC', 1),
  ('VT', 1), ('WY', 1)) s(state, size), range(30) r(c), range(size) k(j)
"""
FACTS = """
INSERT INTO person BY NAME
WITH drawn AS MATERIALIZED (
  SELECT i, hash(i) AS h, hash(i, 1) AS k, hash(i, 3) % {places} AS place FROM range({n}) t(i))
SELECT i + 1 AS person_id, 1 + i // 2 AS household_id, 'Ann' AS first_name, 'Lee' AS last_name,
  CASE WHEN h % 100 < 50 THEN 'F' WHEN h % 100 < 97 THEN 'M' END AS sex,
  CASE WHEN h // 100 % 100 < 94 THEN DATE '1994-09-01' - (sqrt(hash(i, 2) % 1000000 / 1e6) * 27000)::INT END
    AS birth_date,
  CASE WHEN k % 100 < 62 THEN 'white' WHEN k % 100 < 75 THEN 'black' WHEN k % 100 < 87 THEN 'hispanic'
    WHEN k % 100 < 92 THEN 'asian' WHEN k % 100 < 94 THEN 'other' END AS race,
  CASE WHEN k // 100 % 100 < 38 THEN 'D' WHEN k // 100 % 100 < 68 THEN 'R' WHEN k // 100 % 100 < 95 THEN 'U'
    ELSE 'L' END AS party, state, county
FROM drawn JOIN place USING (place);
INSERT INTO vote_history BY NAME
SELECT i + 1 AS person_id, day AS election_date, 'general' AS election_type
FROM range({n}) t(i), (VALUES (DATE '2006-11-07', 35), (DATE '2008-11-04', 62), (DATE '2010-11-02', 40)) e(day, rate)
WHERE hash(i, day) % 100 < rate;
INSERT INTO gift BY NAME
SELECT 1 + hash(i, 5) % {n} AS person_id, DATE '2012-10-01' - (hash(i, 6) % 900)::INT AS given_on,
  [5, 10, 25, 25, 50, 100, 250, 500][1 + (hash(i, 7) % 8)::INT] AS amount,
  CASE WHEN hash(i, 8) % 2 = 0 THEN 'online' ELSE 'mail' END AS channel FROM range({n} // 10) t(i);
INSERT INTO contact BY NAME
SELECT 1 + hash(i, 9) % {n} AS person_id, DATE '2012-10-01' - (hash(i, 10) % 240)::INT AS contacted_on,
  ['phone', 'door', 'mail'][1 + (hash(i, 11) % 3)::INT] AS channel FROM range({n} // 3) t(i);
INSERT INTO score BY NAME
SELECT i + 1 AS person_id, name, (hash(i, name) % 1000) / 1000 AS value, DATE '2012-09-01' AS scored_on
FROM range({n}) t(i), (VALUES ('turnout'), ('support')) s(name);
INSERT INTO source_file (file_id, as_of) VALUES (1, DATE '2012-10-01');
"""

# Presses by control: which one, named as a screen reader hears it; the key; how often.
PRESSES = [
    ("slider", "Age, from", "ArrowRight", 15),
    ("slider", "turnout, from", "ArrowRight", 5),
    ("box", "F", "Space", 4),
    ("box", "D", "Space", 4),
    ("list", "Giving", "ArrowDown", 4),
    ("list", "2008-11-04", "ArrowDown", 2),
    ("list", "Contact", "ArrowDown", 4),
    ("list", "States", "ArrowDown", 5),
    ("list", "Counties", "ArrowDown", 3),
]
NOTEBOOK = """# %%
import campaignkit as ck

pick = ck.widgets.UniverseBuilder(ck.Megafile.open({path!r}), progress=False)
pick
"""
WATCH = """() => {
  const headline = document.querySelector(".ck-widget .ck-headline"), svg = document.querySelector(".ck-widget svg.marks");
  window.ck = {};
  document.addEventListener("keydown", () => { window.ck = { at: performance.now() }; }, true);
  const note = (name) => () => requestAnimationFrame(() => { window.ck[name] ??= performance.now() - window.ck.at; });
  new MutationObserver(note("count")).observe(headline, { childList: true, characterData: true, subtree: true });
  new MutationObserver(note("chart")).observe(svg, { attributes: true, childList: true, subtree: true });
}"""


def make(path: Path, people: int) -> None:
    """Write a megafile of random people."""
    with duckdb.connect(path) as con:
        con.execute(schema.schema_sql())
        con.execute(PLACES)
        places = con.sql("SELECT count(*) FROM place").fetchall()[0][0]
        con.execute(FACTS.replace("{n}", str(people)).replace("{places}", str(places)))


def in_python(path: str) -> dict[str, Any]:
    """Set controls from code; return seconds to make the builder, and the median milliseconds of a change."""
    from campaignkit import Megafile
    from campaignkit.widgets import UniverseBuilder

    started = time.perf_counter()
    pick = UniverseBuilder(Megafile.open(path), progress=False)
    made = time.perf_counter() - started
    controls = pick.controls
    moves: list[tuple[Any, str, Any]] = [(controls.age, "value", (age, 100)) for age in range(20, 35)]
    moves += [(controls.scores["turnout"], "index", (step, 20)) for step in range(1, 6)]
    moves += [(controls.sex["F"], "value", on) for on in (True, False, True)]
    moves += [(controls.giving, "value", said) for said in ("has given", "never gave", "anyone")]
    moves += [(controls.states, "value", (state,)) for state in ("OH", "PA", "CA")]
    moves += [(controls.counties, "value", (("CA", "County 3"),))]
    taken: dict[str, list[float]] = {}
    for control, trait, value in moves:
        started = time.perf_counter()
        setattr(control, trait, value)
        taken.setdefault(pick._tally.answered_by, []).append(1000 * (time.perf_counter() - started))
        assert pick.readout.error == ""
    assert pick.count == pick.universe.count()
    every = [one for some in taken.values() for one in some]
    by = {name: statistics.median(some) for name, some in taken.items()}
    return {"made": made, "median": statistics.median(every), "worst": max(every), "by": by}


def on_screen(path: str) -> dict[str, Any]:
    """Press keys in Chromium; return the median milliseconds until the count, and the chart, have changed."""
    from playwright.sync_api import sync_playwright

    from tests.browser import lab

    source = lab.NOTEBOOKS / "bench_widgets.py"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(NOTEBOOK.format(path=path), encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright, lab.server(Path(folder)) as address:
        browser = lab.launch(playwright)
        page = browser.new_page(viewport={"width": 1280, "height": 1400})
        lab.open_notebook(page, address, lab.make_notebook(source))
        lab.run_all(page)
        assert lab.errors(lab.outputs(page)) == []
        page.wait_for_selector(".ck-widget svg.marks .role-mark path", state="attached")
        page.wait_for_timeout(2000)
        page.evaluate(WATCH)
        taken = [press(page, *one[:3]) for one in PRESSES for _ in range(one[3])]
        lab.shut_down(page)
        browser.close()
    counts, charts = (sorted(one[name] for one in taken if one.get(name)) for name in ("count", "chart"))
    return {"presses": len(counts), "count": statistics.median(counts), "chart": statistics.median(charts),
            "slow": counts[int(0.9 * len(counts))]}  # fmt: skip


def press(page: Any, kind: str, label: str, key: str) -> dict[str, float]:
    """Press a key in a control; return when the count and the chart changed, where they did."""
    place = (
        page.locator(f".noUi-handle[aria-label='{label}']")
        if kind == "slider"
        else page.get_by_label(label, exact=True)
    )
    place.first.focus()
    page.keyboard.press(key)
    try:
        page.wait_for_function("() => window.ck.count && window.ck.chart", timeout=3000)
    except Exception:  # the press changed nothing that is drawn, as the first age below which there is nobody
        return {}
    page.wait_for_timeout(150)
    return page.evaluate("() => window.ck")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--no-screen", action="store_true", help="leave Chromium out")
    asked = parser.parse_args()
    medians = []
    for people in asked.people:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "people.duckdb"
            make(path, people)
            found = measured(ME, "in_python", str(path))
            by = ", ".join(f"{name} {ms:.0f}" for name, ms in found["by"].items())
            print(f"{people:,} people: made in {found['made']:.1f} s, {found['MiB']:,.0f} MiB at most")
            print(
                f"  in Python  median {found['median']:6.0f} ms a change, worst {found['worst']:.0f} ({by})", flush=True
            )
            medians.append(found["median"])
            if not asked.no_screen:
                seen = measured(ME, "on_screen", str(path))
                print(f"  on screen  median {seen['count']:6.0f} ms to the count, {seen['chart']:.0f} to the chart; "
                      f"nine in ten under {seen['slow']:.0f} ({seen['presses']} presses)", flush=True)  # fmt: skip
                medians[-1] = seen["count"]
    if len(medians) > 1:
        times = asked.people[-1] / asked.people[0]
        print(f"growth: {times:.0f} times the people, {medians[-1] / medians[0]:.2f} times the median")


if __name__ == "__main__":
    main()
