"""What is learnt of tasks lies in memory in one way, whoever computed or carried it."""

import io
import pickle

import joblib
import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes, load_wine
from torch.utils._pytree import tree_leaves

import skmeta
from skmeta import MetaClassifier, MetaRegressor, plugins
from skmeta.algorithms import ProtoNet
from skmeta.backbones import MLP

TINY = {"max_epochs": 1, "tasks_per_epoch": 8, "batch_size": 8, "n_query": 5}
TINY |= {"random_state": 0, "early_stopping": False}
pytestmark = pytest.mark.filterwarnings("ignore:.*too small:UserWarning")


def every_kind():
    kinds = []
    for name in plugins.names("algorithm"):
        algorithm = plugins.get("algorithm", name)
        for kind in algorithm.kinds:
            spaces = algorithm.label_spaces if kind == "classifier" else ["values"]
            for space in spaces:
                kinds.append(pytest.param(name, space, id=f"{name}-{space}"))
    return kinds


def adapted(name, space, **parameters):
    if space == "values":
        X, y = load_diabetes(return_X_y=True)
        meta = MetaRegressor(name, MLP((8,)), **TINY, **parameters)
    else:
        X, y = load_wine(return_X_y=True)
        meta = MetaClassifier(name, MLP((8,)), label_space=space, **TINY, **parameters)
    groups = np.arange(len(y)) % 6
    return meta.fit(X, y, groups=groups).adapt(X, y, groups=groups)


@pytest.mark.parametrize("groups", [["a", "b", "c"], [7, 5, 3]])
def test_the_tasks_that_have_diverged_are_named(groups):
    X, y = load_diabetes(return_X_y=True)
    meta = MetaRegressor("maml", MLP((8,)), normalize=None, **TINY)
    meta.fit(X, y, groups=np.arange(len(y)) % 6)
    meta.low_ = None  # without a range, as in early files, nothing is too far out
    task = np.arange(30) % 3
    wild = X[:30] * np.where(task == 1, 1e42, 1.0)[:, np.newaxis]
    named = np.array(groups)[task]
    meta.adapt(wild, y[:30], groups=named)
    with pytest.warns(RuntimeWarning, match="diverged") as caught:
        meta.predict(wild, groups=named)
    said = [str(each.message) for each in caught]
    assert any(
        f"Adaptation to 1 task of [{groups[1]!r}] diverged" in one for one in said
    )


def leaves(meta):
    return [leaf for state in meta.adapted_.states for leaf in tree_leaves(state)]


def by_joblib(meta):
    file = io.BytesIO()
    joblib.dump(meta, file)
    file.seek(0)
    return joblib.load(file)


@pytest.mark.parametrize("normalize", ["global", "task"])
@pytest.mark.parametrize(("name", "space"), every_kind())
def test_a_state_has_one_layout_however_it_was_carried(
    name, space, normalize, tmp_path
):
    meta = adapted(name, space, normalize=normalize)
    meta.save(tmp_path / "meta")
    found = leaves(meta)
    assert found
    for leaf in found:
        # That of a tensor made of it row by row, axes of length 1 included: kernels
        # choose their order of addition by strides, on some processors by these too.
        assert leaf.stride() == torch.empty(leaf.shape).stride()
        place = torch.tensor([0, min(2, len(leaf) - 1)])
        for part in (leaf[1:3], leaf[place]):
            assert part.stride() == torch.empty(part.shape).stride()
    for again in (
        skmeta.load(tmp_path / "meta"),
        pickle.loads(pickle.dumps(meta)),
        by_joblib(meta),
    ):
        for mine, theirs in zip(found, leaves(again), strict=True):
            assert theirs.stride() == mine.stride()
            assert torch.equal(theirs, mine)


@pytest.mark.parametrize(("name", "space"), every_kind())
def test_what_a_file_brings_begins_where_torch_begins_its_own(name, space, tmp_path):
    adapted(name, space).save(tmp_path / "meta")
    again = skmeta.load(tmp_path / "meta")
    weights = list(again.module_.state_dict().values())
    for each in [*leaves(again), *weights]:
        # Inside the bytes of the file, tensors begin at any multiple of 8.
        assert each.storage_offset() == 0
        assert each.data_ptr() % 64 == 0


class HoldsNothing(ProtoNet):
    def adapt(self, module, support):
        return super().adapt(module, support), None


class HoldsANumber(ProtoNet):
    def adapt(self, module, support):
        return super().adapt(module, support), torch.tensor(1.0)


@pytest.mark.parametrize("algorithm", [HoldsNothing(), HoldsANumber()], ids=repr)
def test_a_state_of_anything_but_tensors_of_tasks_is_refused(algorithm):
    X, y = load_wine(return_X_y=True)
    groups = np.arange(len(y)) % 6
    meta = MetaClassifier("protonet", MLP((8,)), label_space="shared", **TINY)
    meta.fit(X, y, groups=groups).algorithm_ = algorithm
    with pytest.raises(TypeError, match="tensors whose first axis is the task"):
        meta.adapt(X, y, groups=groups)


def test_distances_are_those_from_the_prototypes_of_the_own_task():
    X, y = load_wine(return_X_y=True)
    task = np.arange(len(y)) % 4
    meta = MetaClassifier("protonet", MLP((8,)), label_space="per_task", **TINY)
    meta.fit(X, y, groups=task)
    known = (y != 1) | (task != 2)  # the third task lacks a class
    meta.adapt(X[known], y[known], groups=task[known])
    distances = meta.adapted_.distances(meta._table(X), task)
    embedded = meta.transform(X, groups=task)
    for own in range(4):
        labels = np.unique(y[known & (task == own)])
        prototypes = [
            embedded[known & (task == own) & (y == label)].mean(axis=0)
            for label in labels
        ]
        gaps = embedded[task == own][:, np.newaxis] - np.array(prototypes)
        found = distances[task == own]
        expected = np.square(gaps).sum(axis=2)
        np.testing.assert_allclose(found[:, : len(labels)], expected, rtol=1e-3)
        assert (found[:, len(labels) :] == np.inf).all()
    assert np.isinf(distances).any()
