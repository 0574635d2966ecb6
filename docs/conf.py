"""How ``make docs`` makes the site of what lies in docs/, examples/ and docstrings."""

import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS / "_ext"), str(DOCS.parent)]

from skmeta import __version__  # noqa: E402

project = "skmeta"
author = "The skmeta developers"
project_copyright = "the skmeta developers"
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "sphinx.ext.intersphinx",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    # Ours, in _ext/.
    "mathml",
    "pages",
    "reference",
]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
exclude_patterns = ["_build", "_ext", "_inventories", "_templates"]
templates_path = ["_templates"]

# Every name that does not resolve is an error (-W), but for these.
nitpicky = True
nitpick_ignore_regex = [
    # Our own that are not public have no page: their names move without notice.
    (r"py:.*", r"(skmeta\.)?(engine|estimators|saving|tables|utils)\..*"),
    # Nor have files inside a public room: its names are those of the room.
    (r"py:.*", r"skmeta\.[a-z_]+\.[a-z_]+\.\w+.*"),
    # The docstring of pluggy's marker, as it comes with it.
    (r"py:(class|meth)", r"PluginManager(\.register)?"),
]

# Markdown: links to headings, as GitHub has them, and the blocks of sphinx-design.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "deflist"]
suppress_warnings = ["config.cache"]  # the gallery's settings hold functions

# Docstrings.
autosummary_generate = True
autodoc_typehints = "none"  # numpydoc has them
autodoc_member_order = "groupwise"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

# What others document, by inventories of the names in use: nothing is fetched.
_INVENTORIES = DOCS / "_inventories"
intersphinx_mapping = {
    name: (address, str(_INVENTORIES / f"{name}.inv"))
    for name, address in {
        "python": "https://docs.python.org/3/",
        "numpy": "https://numpy.org/doc/stable/",
        "pandas": "https://pandas.pydata.org/docs/",
        "sklearn": "https://scikit-learn.org/stable/",
        "skorch": "https://skorch.readthedocs.io/en/stable/",
        "torch": "https://docs.pytorch.org/docs/stable/",
    }.items()
    if (_INVENTORIES / f"{name}.inv").exists()
}

doctest_global_setup = "import skmeta"
doctest_test_doctest_blocks = ""  # pytest runs the examples of docstrings

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/\d\d_",
    "within_subsection_order": "FileNameSortKey",
    "doc_module": ("skmeta",),
    "backreferences_dir": "api/examples",
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "abort_on_example_error": True,
    "thumbnail_size": (400, 280),
}

html_theme = "pydata_sphinx_theme"
html_title = "skmeta"
html_static_path = ["_static"]
html_css_files = ["skmeta.css"]
html_favicon = "_static/favicon.svg"
html_show_sourcelink = False
html_copy_source = False
_ALONE = ("index", "start", "which", "coming_from", "errors")  # no section around
html_sidebars = {name: [] for name in _ALONE}
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {"text": "skmeta"},
    "icon_links": [
        {
            "name": "GitHub",
            "url": "https://github.com/skmeta/skmeta",
            "icon": "fa-brands fa-github",
        }
    ],
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"
