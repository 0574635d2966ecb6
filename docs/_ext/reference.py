"""The reference: a page for every public module, listing all of its ``__all__``.

Which modules are public says docs/architecture.md.
"""

import re
from importlib import import_module
from inspect import getdoc, isclass, isfunction, ismodule
from pathlib import Path

DOCS = Path(__file__).parents[1]
FOLDER = "api"


def public_modules():
    """Return the names of the public modules, ``skmeta`` first."""
    text = (DOCS / "architecture.md").read_text()
    rows = text.split("## What is public", 1)[1].split("\n## ", 1)[0]
    cells = re.findall(r"^\| (.*?) \|", rows, flags=re.MULTILINE)
    names = re.findall(r"`(skmeta(?:\.\w+)?)`", " ".join(cells))
    return sorted(set(names))


def public_names(module):
    """Return what a module offers: ``__all__``, or the hooks that plugins answer."""
    own = import_module(module)
    if hasattr(own, "__all__"):
        return [
            name
            for name in own.__all__
            if not ismodule(getattr(own, name)) and name != "__version__"
        ]
    return [
        name
        for name, value in vars(own).items()
        if getattr(value, "__module__", None) == module and not name.startswith("_")
    ]


def home_of(module, name):
    """Return the public module that has a name's page, where several offer it."""
    own = getattr(getattr(import_module(module), name), "__module__", None) or module
    room = ".".join(own.split(".")[:2])
    if room in public_modules() and name in public_names(room):
        return room
    return module


def kinds(module):
    """Return the names of a module by what they are: {heading: names}."""
    own, found = import_module(module), {}
    for name in public_names(module):
        value = getattr(own, name)
        if isclass(value):
            kind = "Classes"
        elif isfunction(value):
            kind = "Functions"
        else:
            kind = "Values"
        found.setdefault(kind, []).append(name)
    return {kind: found[kind] for kind in sorted(found)}


def module_page(module):
    """Return the page of a module, as reStructuredText."""
    lines = [module, "=" * len(module), "", f".. py:module:: {module}", ""]
    lines += [getdoc(import_module(module)) or "", ""]
    lines += [f".. currentmodule:: {module}", ""]
    for kind, names in kinds(module).items():
        homes = {name: home_of(module, name) for name in names}
        own = [name for name, home in homes.items() if home == module]
        lines += [kind, "-" * len(kind), "", ".. autosummary::", "   :toctree: ."]
        lines += ["   :nosignatures:", "", *(f"   {name}" for name in own), ""]
        lines += [
            f"- :py:obj:`{home}.{name}`"
            for name, home in homes.items()
            if home != module
        ] + [""]
    return "\n".join(lines) + "\n"


def index_page():
    """Return the front page of the reference."""
    lines = ["API", "===", ""]
    lines += ["Every public name. What is not here moves without notice", ""]
    lines[-2] += " (:doc:`what is public </architecture>`)."
    lines += [".. list-table::", "   :widths: 30 70", ""]
    for module in public_modules():
        summary = (getdoc(import_module(module)) or "").partition("\n")[0]
        lines += [f"   * - :doc:`{module} <{module}>`", f"     - {summary}"]
    lines += ["", ".. toctree::", "   :hidden:", ""]
    lines += [f"   {module}" for module in public_modules()]
    return "\n".join(lines) + "\n"


def write_pages(app, config):
    """Write what autosummary starts from, before Sphinx looks for pages."""
    folder = Path(app.srcdir) / FOLDER
    folder.mkdir(exist_ok=True)
    pages = {module: module_page(module) for module in public_modules()}
    for name, text in {"index": index_page(), **pages}.items():
        path = folder / f"{name}.rst"
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def leave_out_others(app, what, name, member, skip, options):
    """Leave out members that a class has from scikit-learn or torch."""
    home = getattr(member, "__module__", None) or getattr(
        getattr(member, "fget", None), "__module__", None
    )
    if what == "class" and home and not home.startswith("skmeta"):
        return True
    return None


def mend(app, what, name, own, options, lines):
    """Make of a docstring what reStructuredText understands, before numpydoc does.

    Long types are broken by a backslash, and names of attributes end as links do.
    """
    text = re.sub(r" *\\\n\s+", " ", "\n".join(lines))
    text = re.sub(r"(?m)^( *\w+ : .*)$", _quote_attributes, text)
    lines[:] = text.split("\n")


def _quote_attributes(match):
    name, colon, kind = match[1].partition(" : ")
    return name + colon + re.sub(r"\b(\w+_)(?=[,)])", r"``\1``", kind)


def setup(app):
    app.connect("config-inited", write_pages)
    app.connect("autodoc-skip-member", leave_out_others)
    app.connect("autodoc-process-docstring", mend, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
