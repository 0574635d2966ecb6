"""The "?" of a diagram leads to the page of its class."""

import re
from importlib import import_module
from inspect import isclass
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline

import skmeta
from skmeta.utils.doc_links import SITE

PUBLIC = ("skmeta", *(f"skmeta.{room}" for room in sorted(skmeta._ROOMS)))
# Distances are on the floor of the links themselves, and stand in no diagram.
CLASSES = [
    (module, name)
    for module in PUBLIC
    if module != "skmeta.distances"
    for name in getattr(import_module(module), "__all__", ())
    if isclass(own := getattr(import_module(module), name))
    if issubclass(own, BaseEstimator)
]


@pytest.mark.parametrize(("module", "name"), CLASSES)
def test_every_public_class_has_the_address_of_its_page(module, name):
    own = getattr(import_module(module), name)
    assert own._get_doc_link(own.__new__(own)) == f"{SITE}/api/{module}.{name}.html"


def test_the_diagram_of_a_pipeline_has_the_link():
    html = make_pipeline(skmeta.MetaClassifier())._repr_html_()
    assert f'href="{SITE}/api/skmeta.MetaClassifier.html' in html


def test_a_class_of_somebody_else_has_none():
    class Own(skmeta.MetaClassifier):
        __module__ = "acme.learners"

    assert Own()._get_doc_link() == ""


def test_the_site_is_the_one_that_the_package_names():
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    [address] = re.findall(r'^Documentation = "(.*)"', text, flags=re.MULTILINE)
    assert SITE.startswith(address)
