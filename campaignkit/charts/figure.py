"""Figures that draw without a network, in the house style.

A figure is a still SVG with its spec beside it. Where a page holds Vega's script, the still gives way to a
live chart. In a notebook the script comes with the first chart shown, or with :func:`setup`; the book brings
its own and says so with ``CAMPAIGNKIT_VEGA=page``.

A live chart takes on the colors of the page; a still, which cannot, stands on a white card.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import tempfile
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from campaignkit.charts.theme import style
from campaignkit.errors import BadValue
from campaignkit.progress import in_notebook

if TYPE_CHECKING:
    import altair as alt

READY = "campaignkit:vega"  # the event by which a page says that Vega has come

FIGURE = """<figure class="ck-figure" style="margin:.5em 0;overflow-x:auto;color:inherit">
<img alt="{alt}" src="data:image/svg+xml;base64,{svg}" style="max-width:100%;background:#fff;padding:8px;\
box-sizing:border-box;border-radius:4px">
<script type="application/json">{spec}</script>
<script>(() => {{
  const figure = document.currentScript.closest("figure");
  const draw = async () => {{
    const live = document.createElement("div");
    const spec = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
    await window.vegaEmbed(live, spec, {options});
    figure.querySelector("img").replaceWith(live);
  }};
  if (window.vegaEmbed) draw(); else window.addEventListener("{ready}", draw, {{ once: true }});
}})();</script>
</figure>"""

# What a page's charts are drawn by: Vega-Embed, with a name for its menu, and without marks that screen readers would
# meet as pictures without one (a brush that nobody has dragged yet).
ANNOUNCE = f"""
const embed = vegaEmbed;
window.vegaEmbed = async (place, ...rest) => {{
  const drawn = await embed(place, ...rest);
  for (const menu of place.querySelectorAll("details > summary")) menu.setAttribute("aria-label", "Save the chart");
  for (const mark of place.querySelectorAll("[role=graphics-symbol]:not([aria-label])")) {{
    mark.removeAttribute("role");
    mark.setAttribute("aria-hidden", "true");
  }}
  return drawn;
}};
window.dispatchEvent(new Event({READY!r}));
"""

# SVG, for currentColor follows the page's theme there without drawing anew; the menu only saves, as its other
# entries lead outside.
EMBED = {
    "mode": "vega-lite",
    "renderer": "svg",
    "actions": {"export": True, "source": False, "compiled": False, "editor": False},
}


# --- Altair with the house's style -------------------------------------------------------------------------


@cache
def house() -> Any:
    """Return Altair with the house's style and renderer on.

    They are turned on once, so that an analyst who then chooses another keeps it.
    """
    import altair as alt

    alt.theme.register("campaignkit", enable=True)(style)
    alt.renderers.register("campaignkit", _render)
    alt.renderers.enable("campaignkit")
    return alt


def _render(spec: dict[str, Any], **_metadata: Any) -> dict[str, str]:
    make_live()
    return {"text/html": figure(spec), "text/plain": spec["description"]}


# --- figures --------------------------------------------------------------------------------------------


def figure(chart: alt.TopLevelMixin | dict[str, Any]) -> str:
    """Return a chart as one HTML figure that needs no network.

    Parameters
    ----------
    chart : altair chart or dict
        A chart, or its Vega-Lite spec. It must have a ``description``, for those who cannot see it.

    Returns
    -------
    str
        A ``<figure>`` with a still SVG, which a live chart replaces where the page holds Vega.

    Raises
    ------
    BadValue
        If the chart has no description.

    Examples
    --------
    >>> import polars as pl
    >>> from campaignkit import charts
    >>> table = pl.DataFrame({"region": ["West", "East"], "n": [3, 1]})
    >>> shown = figure(charts.bars(table, "region", "n", description="Donors: West 3, East 1."))
    >>> shown[:25], 'alt="Donors: West 3, East 1."' in shown
    ('<figure class="ck-figure"', True)
    """
    house()
    spec = chart if isinstance(chart, dict) else chart.to_dict()
    description = str(spec.get("description") or "").strip()
    if not description:
        raise BadValue(
            "the chart has no description for those who cannot see it; add one: "
            'chart.properties(description="Bar chart of donors by region: the West leads.")'
        )
    return FIGURE.format(
        alt=html.escape(description),
        svg=base64.b64encode(still(spec).encode()).decode(),
        spec=_inert(spec),
        options=json.dumps(EMBED),
        ready=READY,
    )


def still(spec: dict[str, Any]) -> str:
    """Return the SVG of a Vega-Lite spec; data that the spec would fetch from outside is refused."""
    import vl_convert

    return vl_convert.vegalite_to_svg(spec, vl_version=_vega_lite(), allowed_base_urls=[])


def picture(chart: alt.TopLevelMixin, kind: str) -> bytes:
    """Return a chart on white as the content of a ``"png"`` (twice its size in pixels), ``"svg"`` or ``"pdf"`` file.

    Examples
    --------
    >>> import polars as pl
    >>> from campaignkit import charts
    >>> table = pl.DataFrame({"region": ["West", "East"], "n": [3, 1]})
    >>> picture(charts.bars(table, "region", "n", description="Donors: West 3, East 1."), "png")[1:4]
    b'PNG'
    """
    import vl_convert

    house()
    spec = chart.to_dict() | {"background": "white"}
    if kind == "svg":
        return still(spec).encode()
    if kind == "pdf":
        return vl_convert.vegalite_to_pdf(spec, vl_version=_vega_lite(), allowed_base_urls=[])
    return vl_convert.vegalite_to_png(spec, vl_version=_vega_lite(), scale=2, allowed_base_urls=[])


def _inert(spec: dict[str, Any]) -> str:
    # Inside <script> nothing is unescaped but the end tag is looked for: no "<" from the data may stay.
    return json.dumps(spec, ensure_ascii=True).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


# --- Vega's script --------------------------------------------------------------------------------------


def setup() -> None:
    """Turn the house style on for every Altair chart, and make charts live in this notebook.

    Not needed where the first chart is one of campaignkit's own, which does the same. The cell's output holds
    Vega's script (0.9 MB), once for the whole notebook; without it, charts are stills.

    Examples
    --------
    >>> setup()  # outside of a notebook it sets the style and shows nothing
    """
    house()
    if in_notebook() and not page_has_vega():
        _emit()


def make_live() -> None:
    """Send Vega's script to the notebook with the first chart, and again when the cell holding it reruns."""
    if not in_notebook() or page_has_vega():
        return
    cell, run = _here()
    held_by, held_run = _holder.get("cell"), _holder.get("run")
    rerun = cell is not None and cell == held_by and run != held_run
    if not _holder or rerun:
        _emit()


_holder: dict[str, str | None] = {}  # the notebook cell whose output holds the script, and which run of it


def _emit() -> None:
    from IPython.display import HTML, display

    _holder["cell"], _holder["run"] = _here()
    display(HTML(f"<script>{vega_script()}</script>"))


def _here() -> tuple[str | None, str | None]:
    """Return the running cell's id (None where the front end does not tell) and the id of this run of it."""
    from IPython import get_ipython

    message = get_ipython().get_parent()
    return message.get("metadata", {}).get("cellId"), message.get("header", {}).get("msg_id")


def page_has_vega() -> bool:
    """Return whether the page that shows this brings Vega itself, as the book's do."""
    return os.environ.get("CAMPAIGNKIT_VEGA") == "page"


def vega_script() -> str:
    """Return the JavaScript that makes a page's figures live: Vega, Vega-Lite and Vega-Embed, whole.

    It takes seconds to bundle, so it is kept in the user's cache folder (``$XDG_CACHE_HOME/campaignkit``),
    one file for each version of Vega-Lite and vl-convert.

    Examples
    --------
    >>> "window.vegaEmbed" in vega_script()
    True
    """
    ours = hashlib.sha256(ANNOUNCE.encode()).hexdigest()[:8]
    kept = _cache_folder() / f"vega-lite-{_vega_lite()}-vl-convert-{version('vl-convert-python')}-{ours}.js"
    if kept.is_file():
        return kept.read_text(encoding="utf-8")
    import vl_convert

    bundle = vl_convert.javascript_bundle(ANNOUNCE, _vega_lite()).replace("</script", "<\\/script")
    script = f"(() => {{\n{bundle}\n}})();\n"  # within a function its names cannot clash with the page's
    _keep(kept, script)
    return script


def _vega_lite() -> str:
    import altair as alt

    return ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "campaignkit"


def _keep(path: Path, text: str) -> None:
    """Write a file whole or not at all; where the folder cannot be written, do without."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8") as part:
            part.write(text)
        os.replace(name, path)
    except OSError:
        return
