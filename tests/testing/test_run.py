"""What the checks of all kinds have in common: names, ids and options."""

import re

import pytest
from torch import nn

from skmeta import hookspecs
from skmeta.algorithms import MAML, Algorithm, ProtoNet
from skmeta.augmentations import Augmentation
from skmeta.backbones import MLP, Backbone
from skmeta.distances import Distance
from skmeta.episodes import Episode
from skmeta.testing import (
    LAWS,
    BrokenLawError,
    check,
    check_algorithm,
    check_backbone,
    check_distance,
    parametrize_with_algorithm_checks,
    parametrize_with_checks,
)


def test_every_kind_of_name_has_laws():
    assert LAWS.keys() == hookspecs.KINDS.keys()


@pytest.mark.parametrize("kind", LAWS)
def test_laws_have_names_of_their_own_statements_and_hints(kind):
    assert len({law.name for law in LAWS[kind]}) == len(LAWS[kind])
    for law in LAWS[kind]:
        assert law.kind == kind
        assert re.match(r"[A-Z`].*\.$", law.statement), law.name
        assert law.hint.endswith("."), law.name


class Single(ProtoNet):
    def predict(self, module, state, X):
        return super().predict(module, state, X.float())


class Unfinished(Distance):
    pass


def test_what_computes_in_single_precision_alone_is_told_of_double():
    with pytest.raises(BrokenLawError, match="laws are tried in double precision"):
        check_algorithm(Single())


def test_a_method_that_is_missing_is_named():
    with pytest.raises(BrokenLawError, match=r"Unfinished has no build\(\)"):
        check_distance(Unfinished())
    episode, network = Episode(None, None), nn.Identity()
    for call, name in [
        (lambda it: it.build(MLP(), None), "build"),
        (lambda it: it.adapt(network, episode.support), "adapt"),
        (lambda it: it.predict(network, None, None), "predict"),
    ]:
        with pytest.raises(NotImplementedError, match=f"Algorithm has no {name}"):
            call(Algorithm())
    with pytest.raises(NotImplementedError, match="Backbone has no build"):
        Backbone().build(3)
    with pytest.raises(NotImplementedError, match="Augmentation has no augment"):
        Augmentation().augment(episode, None, None)


def test_check_does_as_the_function_of_the_kind():
    by_kind = [str(result) for result in check("distance", "cosine")]
    assert by_kind == [str(result) for result in check_distance("cosine")]
    assert check("backbone", "linear", n_features=2)


def test_an_unknown_kind_or_option_is_an_error():
    with pytest.raises(ValueError, match=r"kind must be one of .*'backbone'.*'optim'"):
        check("optim", "sgd")
    with pytest.raises(ValueError, match="kind must be one of"):
        parametrize_with_checks("optim", [])
    with pytest.raises(ValueError, match="on_fail must be 'raise' or None"):
        check_backbone("mlp", on_fail="warn")
    with pytest.raises(TypeError, match=r"Pass an instance, MLP\(\)"):
        check_backbone(MLP)


class HoldsFunction(MLP):
    def __repr__(self):
        return f"HoldsFunction(f={test_every_kind_of_name_has_laws}, g={object()})"


def test_ids_are_the_same_in_every_process():
    # pytest-xdist compares the ids of its workers; addresses differ from one to another
    mark = parametrize_with_checks("backbone", ["mlp", HoldsFunction()]).mark
    ids = [parameters.id for parameters in mark.args[1]]
    assert "MLP()-rows_do_not_mix" in ids
    assert not [each for each in ids if "0x" in each]
    assert len(set(ids)) == 2 * len(LAWS["backbone"])


def test_the_algorithms_have_a_mark_of_their_own():
    mark = parametrize_with_algorithm_checks([MAML()]).mark
    assert mark.args[0] == ("algorithm", "check")
