"""The names are there, what they stand for keeps every law, and it learns."""

import pickle

import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits

from skmeta import MetaClassifier, plugins
from skmeta.testing import parametrize_with_checks


@parametrize_with_checks("algorithm", ["template"])
def test_the_algorithm_keeps_the_law(algorithm, check):
    check(algorithm)


@parametrize_with_checks("backbone", ["template-net"])
def test_the_backbone_keeps_the_law(backbone, check):
    check(backbone)


@parametrize_with_checks("distance", ["template-distance"])
def test_the_distance_keeps_the_law(distance, check):
    check(distance)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("algorithm", "template"),
        ("backbone", "template-net"),
        ("distance", "template-distance"),
    ],
)
def test_the_name_is_offered_by_this_distribution(kind, name):
    assert plugins.entry(kind, name).distribution == "skmeta-template"


def test_it_learns_to_tell_new_digits_apart_from_a_few_of_each():
    X, y = load_digits(return_X_y=True)
    old, few, new = y < 6, slice(40), slice(40, None)
    meta = MetaClassifier(
        "template",
        backbone="template-net",
        tasks="classes",
        max_epochs=2,
        random_state=0,
    )
    meta = clone(meta).fit(X[old], y[old])
    meta.adapt(X[~old][few], y[~old][few])
    assert meta.score(X[~old][new], y[~old][new]) > 0.7  # 0.25 by chance
    again = pickle.loads(pickle.dumps(meta))
    assert (again.predict(X) == meta.predict(X)).all()
