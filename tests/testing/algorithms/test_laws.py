"""Every law bites: for each there are algorithms that break it and no other."""

import contextlib
import copy
from unittest import SkipTest

import pytest
import torch

from skmeta import plugins
from skmeta.algorithms import R2D2, Algorithm, ProtoNet, task_losses
from skmeta.backbones import Linear
from skmeta.testing import (
    BrokenLawError,
    check_algorithm,
    parametrize_with_algorithm_checks,
)
from skmeta.testing.algorithms import laws
from skmeta.testing.algorithms.laws import ALGORITHM_LAWS
from skmeta.testing.algorithms.tasks import SMALLER, Size
from skmeta.testing.algorithms.trial import AlgorithmTrial


class Untold(ProtoNet):
    """Without a prior there are fewer trials, and fewer laws to break."""

    uses_prior = False
    uses_unlabelled = False


class LooksAtUnlabelledRows(Untold):
    def adapt(self, module, support):
        if support.unlabelled is not None:
            support = support._replace(X=support.X + support.unlabelled.X.mean())
        return super().adapt(module, support)


class TrustsLateUnlabelledRows(ProtoNet):
    uses_prior = False

    def adapt(self, module, support):
        others = support.unlabelled
        if others is not None:
            late = torch.arange(others.X.shape[1]).to(others.X)[None, :, None]
            others = others._replace(X=others.X * late)
            support = support._replace(unlabelled=others)
        return super().adapt(module, support)


class KnowsAbsentClasses(Untold):
    def predict(self, module, state, X):
        return super().predict(module, state, X).nan_to_num(neginf=-10.0)


class CountsPadding(Untold):
    def adapt(self, module, support):
        everything = torch.ones_like(support.mask)
        return super().adapt(module, support._replace(mask=everything))


class AveragesLossOverPadding(Untold):
    def meta_loss(self, module, episode):
        state = self.adapt(module, episode.support)
        outputs = self.predict(module, state, episode.query.X)
        everything = torch.ones_like(episode.query.mask)
        return task_losses(outputs, episode.query._replace(mask=everything)).mean()


class ForgetsWeights(Untold):
    def adapt(self, module, support):
        return super().adapt(module, support._replace(weight=None))


class CentresQueries(Untold):
    def predict(self, module, state, X):
        return super().predict(module, state, X - X.mean(dim=1, keepdim=True))


class BorrowsFromOtherTasks(Untold):
    def adapt(self, module, support):
        state = super().adapt(module, support)
        mean = state.prototypes.mean(dim=0)
        return state._replace(prototypes=state.prototypes + 0.1 * mean)


class TrustsLateRows(Untold):
    def adapt(self, module, support):
        place = support.mask.cumsum(dim=1).unsqueeze(-1)
        return super().adapt(module, support._replace(X=support.X * (1 + 0.1 * place)))


class TrustsLateRowsAndSaysSo(TrustsLateRows):
    uses_row_order = True


class PrefersFirstClass(Untold):
    label_spaces = ("per_task",)

    def predict(self, module, state, X):
        logits = super().predict(module, state, X)
        return logits - 0.1 * torch.arange(logits.shape[-1])


class CountsCalls(Untold):
    def build(self, backbone, spec):
        module = super().build(backbone, spec)
        module.register_buffer("calls", torch.zeros(()))
        return module

    def adapt(self, module, support):
        module.calls += 1
        return super().adapt(module, support)


class MovesParameters(Untold):
    def adapt(self, module, support):
        with torch.no_grad():
            module.log_scale += 1e-14
        return super().adapt(module, support)


class LeavesGradients(Untold):
    def adapt(self, module, support):
        with torch.enable_grad():
            module.log_scale.exp().backward()
        return super().adapt(module, support)


class EndsTraining(Untold):
    def adapt(self, module, support):
        return super().adapt(module.eval(), support)


class DividesByRowsMinusOne(Untold):
    meta_loss = Algorithm.meta_loss  # by adapt and predict

    def adapt(self, module, support):
        state = super().adapt(module, support)
        n_rows = support.mask.sum(dim=1).view(-1, 1, 1)
        one = (n_rows - 1) / (n_rows - 1)
        return state._replace(prototypes=state.prototypes * one)


class DividesByRows(Untold):
    meta_loss = Algorithm.meta_loss  # by adapt and predict

    def adapt(self, module, support):
        state = super().adapt(module, support)
        n_rows = support.mask.sum(dim=1).view(-1, 1, 1)
        return state._replace(prototypes=state.prototypes * (n_rows / n_rows))


class CubesTargets(R2D2):
    uses_prior = False

    def adapt(self, module, support):
        y = support.y**3 if support.y.is_floating_point() else support.y
        return super().adapt(module, support._replace(y=y))


class LeansOnTheFarthestRow(R2D2):
    uses_prior = False

    def adapt(self, module, support):
        farthest = support.X.abs().amax(dim=(1, 2)).div(100).tanh()
        state = super().adapt(module, support)
        return state._replace(head=state.head + 50 * farthest.square()[:, None, None])


class DividesByRowsAndSaysSo(DividesByRows):
    def has_prior(self, spec):
        return False


class TakesLogarithmOfOneRow(Untold):
    def meta_loss(self, module, episode):
        spare = (episode.support.mask.sum(dim=1) - 1.0).log()
        return super().meta_loss(module, episode) + 0 * spare.mean()


class TakesRootOfZero(Untold):
    def meta_loss(self, module, episode):
        zero = module.log_scale - module.log_scale
        return super().meta_loss(module, episode) + zero.sqrt()


class HasIdleParameter(Untold):
    def build(self, backbone, spec):
        module = super().build(backbone, spec)
        module.idle = torch.nn.Parameter(torch.ones(2))
        return module


class DetachesPrototypes(Untold):
    meta_loss = Algorithm.meta_loss  # by adapt and predict

    label_spaces = ("shared",)

    def predict(self, module, state, X):
        constant = state._replace(prototypes=state.prototypes.detach())
        return super().predict(module, constant, X)


class RemembersOnItself(Untold):
    def adapt(self, module, support):
        self.factor_ = 2.0
        return super().adapt(module, support)

    def predict(self, module, state, X):
        return getattr(self, "factor_", 1.0) * super().predict(module, state, X)


class RewritesItsParameter(Untold):
    def __init__(self, distance="euclidean", learn_scale=True):
        super().__init__(distance, learn_scale)
        self.distance = distance[:1] + distance[1:]  # equal, but another object


class LosesParameterInPickle(Untold):
    def __reduce__(self):
        return type(self), ()


class HoldsLambda(Untold):
    def build(self, backbone, spec):
        module = super().build(backbone, spec)
        distance = module.distance
        module.distance = lambda a, b: 2 * distance(a, b)
        return module


class CountsTasksInState(Untold):
    def adapt(self, module, support):
        return super().adapt(module, support), len(support.X)

    def predict(self, module, state, X):
        return super().predict(module, state[0], X)

    def distances(self, module, state, X):
        return super().distances(module, state[0], X)


class PutsTasksLast(Untold):
    def adapt(self, module, support):
        state = super().adapt(module, support)
        return state._replace(prototypes=state.prototypes.movedim(0, -1))

    def predict(self, module, state, X):
        state = state._replace(prototypes=state.prototypes.movedim(-1, 0))
        return super().predict(module, state, X)

    def distances(self, module, state, X):
        state = state._replace(prototypes=state.prototypes.movedim(-1, 0))
        return super().distances(module, state, X)


class AlwaysRecords(Untold):
    def adapt(self, module, support):
        with torch.enable_grad():
            return super().adapt(module, support)


class ReadsStrides(Untold):
    def adapt(self, module, support):
        state = super().adapt(module, support)
        return state._replace(prototypes=state.prototypes.mT.contiguous().mT)

    def predict(self, module, state, X):
        in_columns = state.prototypes.stride(-1) > state.prototypes.stride(-2)
        return (1 + in_columns) * super().predict(module, state, X)


class CountsClassesOfThoseAsked(Untold):
    def predict(self, module, state, X):
        answers = super().predict(module, state, X)
        return answers * (1 + 0.1 * state.n_classes.max())


class EmbedsByStrides(ReadsStrides):
    predict = ProtoNet.predict

    def embed(self, module, state, X):
        in_columns = state.prototypes.stride(-1) > state.prototypes.stride(-2)
        return (1 + in_columns) * super().embed(module, state, X)


class LeavesTheMeanOfACallOut(Untold):
    def adapt(self, module, support):
        state = super().adapt(module, support)
        mean = state.prototypes.mean(dim=(0, 1), keepdim=True)
        mean = mean.expand(len(support.X), -1, -1)
        return state._replace(prototypes=state.prototypes - mean), mean

    def predict(self, module, state, X):
        own, mean = state
        own = own._replace(prototypes=own.prototypes + mean.mean(dim=0))
        return super().predict(module, own, X)

    def embed(self, module, state, X):
        return super().embed(module, state[0], X)

    def distances(self, module, state, X):
        own, mean = state
        own = own._replace(prototypes=own.prototypes + mean.mean(dim=0))
        return super().distances(module, own, X)


class EmbedsTasks(Untold):
    def embed(self, module, state, X):
        return super().embed(module, state, X).mean(dim=1)


class HidesBackbone(Untold):
    def embed(self, module, state, X):
        return module.no_such_network(X)


class MeasuresAbsentClasses(Untold):
    def distances(self, module, state, X):
        return super().distances(module, state, X).nan_to_num(posinf=1e9)


class CountsRowsTwiceWithPrior(ProtoNet):
    def adapt(self, module, support):
        if support.offset is not None:
            support = support._replace(weight=2 * support.counts(support.X))
        return super().adapt(module, support)


class TakesFirstPart(R2D2):
    def adapt(self, module, support):
        if support.offset is not None:
            support = support._replace(offset=support.offset[:, :, :1])
        return super().adapt(module, support)

    def predict(self, module, state, X, *prior):
        first = [offset[:, :, :1] for offset in prior]
        return super().predict(module, state, X, *first)


class ForgetsPriorOfSupport(R2D2):
    def adapt(self, module, support):
        return super().adapt(module, support._replace(offset=None))


class ForgetsPriorOfQuery(ProtoNet):
    def predict(self, module, state, X, *prior):
        return super().predict(module, state, X)


class ReadsPriorOnPadding(ProtoNet):
    uses_unlabelled = False

    def adapt(self, module, support):
        state = super().adapt(module, support)
        if support.offset is None:
            return state
        farthest = (support.offset[..., 0] - support.offset[..., 1]).abs()
        farthest = farthest.amax(dim=(1, 2)).view(-1, 1, 1)
        return state._replace(prototypes=state.prototypes + 0.1 * farthest)


class CopiesTheNetwork(Untold):
    def build(self, backbone, spec):
        module = super().build(backbone, spec)
        module.backbone = copy.deepcopy(module.backbone)
        return module


class ForgetsGradients(Untold):
    def meta_backward(self, module, episode):
        module.zero_grad()
        return super().meta_backward(module, episode)


class Raises(Untold):
    def adapt(self, module, support):
        raise RuntimeError("out of luck")


class FailsOnManyRows(Untold):
    def adapt(self, module, support):
        if support.mask.sum(dim=1).max() > 5:
            raise RuntimeError("too many rows")
        return super().adapt(module, support)


BROKEN = [
    (LooksAtUnlabelledRows(), {"rows_without_labels_are_left_alone"}),
    (TrustsLateUnlabelledRows(), {"rows_without_labels_have_no_order"}),
    (KnowsAbsentClasses(), {"outputs_fit_the_task"}),
    (CountsPadding(), {"padding_changes_nothing"}),
    (AveragesLossOverPadding(), {"padding_changes_nothing"}),
    (ForgetsWeights(), {"a_row_of_weight_two_counts_twice"}),
    (
        CentresQueries(),
        {"padding_changes_nothing", "one_far_row_leaves_ordinary_answers"},
    ),
    # Padding is tried beside a longer task, which then changes the answer too.
    (
        BorrowsFromOtherTasks(),
        {"batch_equals_tasks_one_by_one", "padding_changes_nothing"},
    ),
    (
        TrustsLateRows(),
        {"support_order_does_not_matter", "a_row_of_weight_two_counts_twice"},
    ),
    (PrefersFirstClass(), {"renaming_labels_renames_predictions"}),
    (CountsCalls(), {"adapt_leaves_the_module_unchanged"}),
    (MovesParameters(), {"adapt_leaves_the_module_unchanged"}),
    (LeavesGradients(), {"adapt_leaves_the_module_unchanged"}),
    (EndsTraining(), {"adapt_leaves_the_module_unchanged"}),
    (
        DividesByRowsMinusOne(),
        {"one_class_or_one_row_is_enough", "meta_loss_is_finite"},
    ),
    (
        DividesByRows(),
        {"empty_support_is_answered_by_the_prior", "meta_loss_is_finite"},
    ),
    (
        CubesTargets(),
        {"far_rows_give_no_wild_answer", "one_far_row_leaves_ordinary_answers"},
    ),
    (LeansOnTheFarthestRow(), {"one_far_row_leaves_ordinary_answers"}),
    (CountsRowsTwiceWithPrior(), {"a_prior_that_says_nothing_is_none"}),
    (TakesFirstPart(), {"a_constant_of_the_prior_shifts_values"}),
    (
        ForgetsPriorOfSupport(),
        {"a_constant_of_the_prior_shifts_values", "the_prior_is_heard"},
    ),
    (ForgetsPriorOfQuery(), {"the_prior_is_heard"}),
    (ReadsPriorOnPadding(), {"padding_has_no_prior"}),
    (TakesLogarithmOfOneRow(), {"meta_loss_is_finite"}),
    (TakesRootOfZero(), {"meta_loss_is_finite"}),
    (HasIdleParameter(), {"every_parameter_gets_a_gradient"}),
    (DetachesPrototypes(), {"every_parameter_gets_a_gradient"}),
    (RemembersOnItself(), {"copies_learn_the_same"}),
    (RewritesItsParameter(), {"copies_learn_the_same"}),
    (LosesParameterInPickle(learn_scale=False), {"copies_learn_the_same"}),
    (HoldsLambda(), {"copies_learn_the_same"}),
    (CountsTasksInState(), {"state_has_tasks_first"}),
    (PutsTasksLast(), {"state_has_tasks_first"}),
    (AlwaysRecords(), {"state_has_tasks_first"}),
    (ReadsStrides(), {"a_state_may_be_carried"}),
    (
        CountsClassesOfThoseAsked(),
        {"a_state_may_be_carried", "padding_changes_nothing"},
    ),
    (EmbedsByStrides(), {"a_state_may_be_carried"}),
    (LeavesTheMeanOfACallOut(), {"states_of_calls_may_be_joined"}),
    (EmbedsTasks(), {"embedding_has_a_vector_per_row"}),
    (HidesBackbone(), {"embedding_has_a_vector_per_row"}),
    (MeasuresAbsentClasses(), {"distances_are_of_the_classes_of_a_task"}),
    (CopiesTheNetwork(), {"a_learner_for_each_target"}),
    (ForgetsGradients(), {"gradients_of_targets_add_up"}),
]


def outcome(algorithm, status, **options):
    results = check_algorithm(algorithm, on_fail=None, **options)
    return {result.law for result in results if result.status == status}


@pytest.mark.parametrize(
    ("algorithm", "broken"), BROKEN, ids=lambda value: type(value).__name__
)
def test_a_broken_algorithm_fails_its_law_and_no_other(algorithm, broken):
    assert outcome(algorithm, "failed") == broken


@pytest.mark.parametrize(
    ("algorithm", "broken"), BROKEN, ids=lambda value: type(value).__name__
)
def test_a_law_alone_names_itself_and_its_hint(algorithm, broken):
    kept = []
    for law in ALGORITHM_LAWS:
        if law.name not in broken:
            kept.append(law)
            continue
        with pytest.raises(BrokenLawError) as raised:
            law(algorithm)
        message = str(raised.value)
        assert repr(algorithm) in message
        assert repr(law.name) in message
        assert law.hint in message
    with contextlib.suppress(SkipTest):
        kept[0](algorithm)  # and the others: they are tried together above


def test_every_law_has_an_algorithm_that_breaks_it():
    assert set().union(*(broken for _, broken in BROKEN)) == {
        law.name for law in ALGORITHM_LAWS
    }


def test_the_message_says_by_how_much_and_where():
    size = r"the classes renamed to \[\d, \d\]: the largest difference is 0\.\d"
    with pytest.raises(BrokenLawError, match=size):
        laws.renaming_labels_renames_predictions(PrefersFirstClass())
    with pytest.raises(BrokenLawError, match=r"\(classifier, per_task\)"):
        check_algorithm(PrefersFirstClass())
    with pytest.raises(BrokenLawError, match="parameter log_scale differs by 1e-14"):
        check_algorithm(MovesParameters())


@pytest.mark.parametrize(
    ("algorithm", "law", "case"),
    [
        (PrefersFirstClass(), "renaming_labels_renames_predictions", (1, 2, 1)),
        (BorrowsFromOtherTasks(), "batch_equals_tasks_one_by_one", (2, 2, 1)),
        (TrustsLateRows(), "support_order_does_not_matter", (1, 2, 1)),
        (FailsOnManyRows(), "outputs_fit_the_task", (1, 6, 1)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_message_has_the_smallest_case(algorithm, law, case):
    with pytest.raises(BrokenLawError) as raised:
        getattr(laws, law)(algorithm)
    assert raised.value.smallest_case == str(Size(*case))
    assert f"Smallest case: {Size(*case)}." in str(raised.value)


@pytest.mark.parametrize("size", SMALLER[::7], ids=str)
@pytest.mark.parametrize("name", ["maml", "protonet", "cnp"])
def test_sound_algorithms_keep_the_laws_in_smaller_cases_too(name, size):
    algorithm = plugins.resolve("algorithm", name)
    for law in ALGORITHM_LAWS:
        for trial in AlgorithmTrial.trials(algorithm, size=size):
            if law.applies(trial):
                law.holds(trial)


def test_an_error_of_the_algorithm_is_reported_as_the_cause():
    with pytest.raises(BrokenLawError, match="RuntimeError: out of luck") as raised:
        check_algorithm(Raises())
    assert isinstance(raised.value.__cause__, RuntimeError)


def test_a_gradient_that_only_rounding_makes_is_none():
    # Distances between embeddings do not depend on the last layer's bias.
    assert outcome(ProtoNet(), "failed", backbone=Linear()) == {
        "every_parameter_gets_a_gradient"
    }


def test_laws_that_say_nothing_are_skipped():
    declared = TrustsLateRowsAndSaysSo()
    assert "support_order_does_not_matter" in outcome(declared, "skipped")
    assert not outcome(declared, "failed")
    with pytest.raises(SkipTest, match="says nothing about TrustsLateRowsAndSaysSo"):
        laws.support_order_does_not_matter(declared)


def test_an_algorithm_without_prior_need_not_answer_an_empty_support():
    assert not outcome(DividesByRowsAndSaysSo(), "failed")


def test_a_result_prints_what_broke():
    (first, *_) = check_algorithm(Raises(), on_fail=None)
    assert first.status == "failed"
    lines = str(first).splitlines()
    assert lines[0] == "failed  outputs_fit_the_task (classifier, shared)"
    assert lines[1].strip().startswith("Raises() breaks the law")


def test_a_seed_decides_everything():
    def message(seed):
        (broken,) = {
            str(result.exception)
            for result in check_algorithm(TrustsLateRows(), on_fail=None, seed=seed)
            if result.case.endswith("shared")
            and result.law == "support_order_does_not_matter"
        }
        return broken

    assert message(1) == message(1) != message(2)


def test_ids_name_the_algorithm_and_the_law():
    mark = parametrize_with_algorithm_checks(["maml", ProtoNet("cosine")]).mark
    ids = [parameters.id for parameters in mark.args[1]]
    assert "MAML()-padding_changes_nothing" in ids
    assert "ProtoNet(distance='cosine')-copies_learn_the_same" in ids
    assert len(set(ids)) == 2 * len(ALGORITHM_LAWS)
