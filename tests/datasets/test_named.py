"""Meta-datasets by name: those of skmeta and of plugins."""

import numpy as np
import pytest

from skmeta import datasets, hookimpl, plugins


@pytest.fixture
def offer():
    """Return a function that registers a dataset for the duration of a test."""

    def offer(load):
        class Plugin:
            @hookimpl
            def skmeta_datasets(self):
                return {"acme-sales": load}

        plugins.register(Plugin(), "acme")

    yield offer
    plugins.unregister("acme")


def test_a_built_in_is_loaded_by_its_name_with_its_options():
    by_name = datasets.load("sinusoids", n_tasks=3, n_rows=4, random_state=1)
    direct = datasets.make_sinusoids(n_tasks=3, n_rows=4, random_state=1)
    for own, other in zip(by_name, direct, strict=True):
        np.testing.assert_array_equal(own, other)


def test_movielens_gives_the_users_of_either_part():
    train, test = (datasets.load("movielens", part=part) for part in ("train", "test"))
    assert train[0].shape == (65833, 32)
    assert train[2].nunique() == 387
    assert test[2].nunique() == 166
    assert not set(train[2]) & set(test[2])
    with pytest.raises(ValueError, match=r"one of \('train', 'test'\), not 'all'"):
        datasets.load("movielens", part="all")


def test_a_plugins_dataset_is_loaded_by_its_name(offer):
    offer(lambda *, n=4: (np.eye(n), np.arange(n), np.zeros(n)))
    assert "acme-sales" in plugins.names("dataset")
    assert datasets.load("acme-sales", n=3)[0].shape == (3, 3)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((np.eye(3), np.ones(3)), "not enough values"),
        ((np.eye(3), np.ones(3), np.ones(2)), r"\[3, 3, 2\]"),
        (None, "NoneType"),
    ],
)
def test_a_dataset_of_the_wrong_form_is_an_error_that_names_it(offer, data, message):
    offer(lambda: data)
    with pytest.raises(ValueError, match=f"'acme:acme-sales' must be X, y .*{message}"):
        datasets.load("acme-sales")


def test_an_unknown_name_is_answered_with_the_closest():
    with pytest.raises(ValueError, match=r"Unknown dataset .* mean 'sinusoids'"):
        datasets.load("sinusiods")
