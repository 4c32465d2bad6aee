"""The book: chapters are the notebooks, run anew at each build; the reference is the docstrings.

It opens from a folder, without a network: Vega's script is written beside the pages, and nothing else is fetched.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from types import ModuleType

import jupytext
from docutils import nodes
from docutils.utils.math import latex2mathml
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "book"
sys.path[:0] = [str(ROOT), str(BOOK)]

# The notebooks' kernels inherit these: the page brings Vega itself, and progress bars do not belong in a book.
os.environ["CAMPAIGNKIT_VEGA"] = "page"
os.environ["CAMPAIGNKIT_PROGRESS"] = "0"

project = "campaignkit"
version = release = metadata.version("campaignkit")
author = "The campaignkit founders"
project_copyright = author
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["**/.ipynb_checkpoints", "*.py", "questions.md"]  # the last is included by the front page
default_role = "code"  # docstrings name things in single backticks
suppress_warnings = ["mystnb.unknown_mime_type"]

# --- notebooks ----------------------------------------------------------------------------------------

nb_execution_mode = "force"  # a cache would not notice that the library has changed
nb_execution_raise_on_error = True
nb_execution_timeout = 900
nb_merge_streams = True
nb_ipywidgets_js = {}  # by default these come from a CDN
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# --- reference ----------------------------------------------------------------------------------------

autodoc_typehints = "none"  # the docstrings say the types
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
add_module_names = False

# --- pages --------------------------------------------------------------------------------------------

html_theme = "furo"
html_title = f"campaignkit {release}"
html_static_path = ["_static"]
templates_path = ["_templates"]
html_css_files = ["book.css"]
html_js_files = ["vega.js", "reachable.js"]
html_search_scorer = str(BOOK / "_static" / "scorer.js")
html_math_renderer = "mathml"  # MathJax would come from a CDN
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}


def write_vega(app: Sphinx) -> None:
    """Write the script that makes charts live, for the pages to load."""
    from campaignkit import charts

    (BOOK / "_static" / "vega.js").write_text(charts.vega_script(), encoding="utf-8")


def write_chapters(app: Sphinx) -> None:
    """Write each py:percent source of notebooks/ as a notebook, its calls at its head; MyST-NB runs and renders it."""
    folder = emptied(BOOK / "chapters")
    calls = importlib.import_module("pages").calls((ROOT / "README.md").read_text(encoding="utf-8"))
    for source in sorted((ROOT / "notebooks").glob("*.py")):
        notebook = jupytext.read(source, fmt="py:percent")
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        if source.stem in calls:
            notebook.cells[0].source += f"\n\n**The calls:** {calls[source.stem]}"
        jupytext.write(notebook, folder / f"{source.stem}.ipynb")


def write_reference(app: Sphinx) -> None:
    """Write one page for each name in ``campaignkit.__all__``."""
    package = importlib.import_module("campaignkit")
    folder = emptied(BOOK / "reference")
    for name in package.__all__:
        (folder / f"{name}.rst").write_text(reference_page(name, getattr(package, name)), encoding="utf-8")


def write_methods(app: Sphinx) -> None:
    """Write the page of methods and their papers."""
    methods = importlib.import_module("methods")
    (BOOK / "methods.md").write_text(methods.page(ROOT / "campaignkit"), encoding="utf-8")


def write_front(app: Sphinx) -> None:
    """Write the front page's questions and the page of layouts."""
    pages = importlib.import_module("pages")
    titles = {source.stem: pages.title_of(source) for source in (ROOT / "notebooks").glob("*.py")}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (BOOK / "questions.md").write_text(pages.questions(readme, titles), encoding="utf-8")
    (BOOK / "layouts.md").write_text(pages.layouts(ROOT / "campaignkit/megafile/layouts"), encoding="utf-8")


def write_excerpts(app: Sphinx, failure: Exception | None) -> None:
    """Write the texts that the search page shows."""
    if failure is None:
        names = tomllib.loads((BOOK / "search_words.toml").read_text(encoding="utf-8"))
        texts = importlib.import_module("pages").excerpts(app.env, names)
        (Path(app.outdir) / "_static" / "excerpts.js").write_text(texts, encoding="utf-8")


def write_facts(app: Sphinx) -> None:
    """Write the page of columns and facts: what every megafile can be asked."""
    sheet = importlib.import_module("campaignkit.megafile.fact_sheet")
    (BOOK / "facts.md").write_text(sheet.page(), encoding="utf-8")


#: What a room's page shows, in this order: the questions it answers, then what they hand back.
_DIRECTIVES = (
    ("autofunction", lambda member: callable(member) and not inspect.isclass(member), ""),
    ("autoclass", inspect.isclass, "   :members:\n   :inherited-members: tuple\n   :show-inheritance:\n"),
    ("automodule", inspect.ismodule, "   :members:\n"),
    ("autodata", lambda member: not (callable(member) or inspect.ismodule(member)), "   :no-value:\n"),
)


def reference_page(name: str, thing: object) -> str:
    """Return the page of one public name: a module with its members, a class with its methods, or a function."""
    title = f"{name}\n{'=' * len(name)}\n\n"
    if isinstance(thing, ModuleType):
        package = importlib.import_module("campaignkit")
        elsewhere = [getattr(package, other) for other in package.__all__ if other != name]
        own = {part: vars(thing)[part] for part in names_of(thing)}
        return (
            title
            + f".. automodule:: {thing.__name__}\n\n"
            + "\n".join(
                f".. {directive}:: {thing.__name__}.{part}\n{options}"
                for directive, kind, options in _DIRECTIVES
                for part, member in own.items()
                if kind(member) and not any(member is other for other in elsewhere)
            )
        )
    if inspect.isclass(thing):
        members = "   :members:\n   :inherited-members: tuple\n"
        return title + f".. currentmodule:: campaignkit\n\n.. autoclass:: campaignkit.{name}\n{members}"
    return title + f".. currentmodule:: campaignkit\n\n.. autofunction:: campaignkit.{name}\n"


def names_of(module: ModuleType) -> list[str]:
    """Return a module's public names: those of its ``__all__``, or what is defined in it."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    return [name for name, thing in vars(module).items() if getattr(thing, "__module__", None) == module.__name__]


def emptied(folder: Path) -> Path:
    """Return a folder of generated pages with the last build's taken out."""
    folder.mkdir(exist_ok=True)
    for page in [*folder.glob("*.ipynb"), *folder.glob("*.rst")]:
        page.unlink()
    return folder


def visit_math(self: nodes.NodeVisitor, node: nodes.Element) -> None:
    """Write a formula as MathML, which browsers draw by themselves."""
    block = isinstance(node, nodes.math_block)
    tree = latex2mathml.tex2mathml(node.astext(), as_block=block)
    self.body.append(f"<div>{tree}</div>" if block else str(tree))
    raise nodes.SkipNode


def name_levels(app: Sphinx, page: str, template: str, context: dict, doctree: nodes.Node | None) -> None:
    """Give the captions of the contents, which Sphinx calls headings, the level that a heading must have."""
    tree = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = tree.replace('role="heading"', 'role="heading" aria-level="2"')


def setup(app: Sphinx) -> None:
    """Have everything generated written before Sphinx looks for pages."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math, None))
    for write in (write_vega, write_front, write_chapters, write_methods, write_facts, write_reference):
        app.connect("builder-inited", write)
    app.connect("html-page-context", name_levels, priority=900)  # after furo, which makes the contents
    app.connect("build-finished", write_excerpts)
