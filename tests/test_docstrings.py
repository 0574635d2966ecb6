"""What docstrings say of a signature is what the signature says."""

import importlib
import inspect
import pkgutil
import re

import pytest

import skmeta

MODULES = [
    each.name
    for each in pkgutil.walk_packages(skmeta.__path__, "skmeta.")
    if not each.name.endswith("__main__")
]
# "name, other : type, default=value", the last to the end of the line.
DEFAULT = re.compile(r"^ *(\w+(?:, \w+)*) : .*\bdefault=(\S.*?)$", re.MULTILINE)


def documented(name):
    """Yield the functions and classes of a module that list parameters."""
    module = importlib.import_module(name)
    for each in list(vars(module).values()):
        if getattr(each, "__module__", None) != name or not callable(each):
            continue
        own = vars(each).values() if inspect.isclass(each) else ()
        for thing in (each, *(getattr(part, "__func__", part) for part in own)):
            if callable(thing) and "Parameters\n" in (thing.__doc__ or ""):
                yield thing


def is_said(default, said):
    """Compare by value where the text is a value, or else by name."""
    try:
        return default == eval(said, {})
    except NameError:
        return getattr(default, "__name__", None) == said.rpartition(".")[2]


@pytest.mark.parametrize("name", MODULES)
def test_defaults_are_those_of_the_signature(name):
    for thing in documented(name):
        parameters = inspect.signature(thing).parameters
        listed = inspect.getdoc(thing).partition("\nAttributes\n")[0]
        for names, said in DEFAULT.findall(listed):
            for each in names.split(", "):
                default = parameters[each].default
                assert is_said(default, said), (thing, each, default, said)


def test_there_are_hundreds_of_defaults_to_compare():
    found = [
        said
        for name in MODULES
        for thing in documented(name)
        for said in DEFAULT.findall(inspect.getdoc(thing))
    ]
    assert len(found) > 300
