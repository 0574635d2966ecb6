"""Every law of distances bites: for each there is one that breaks it and no other."""

import pytest
import torch
from torch import nn

from skmeta.distances import Distance
from skmeta.testing import LAWS, BrokenLawError, check_distance


def gaps(a, b):
    return a.unsqueeze(-2) - b.unsqueeze(-3)


def manhattan(a, b):
    return gaps(a, b).abs().sum(-1)


class Sound(Distance):
    measure = staticmethod(manhattan)

    def build(self, n_features):
        return self.measure


def transposed(a, b):
    return manhattan(b, a)


def relative_to_the_set(a, b):
    distances = manhattan(a, b)
    return distances / distances.amax(dim=-1, keepdim=True).clamp(min=1.0)


def from_the_first_axis(a, b):
    if a.dim() == b.dim() == 2:
        return manhattan(a, b)
    return (a.unsqueeze(2) - b.unsqueeze(1)).abs().sum(-1)


def similarity(a, b):
    return a @ b.mT


def negative(a, b):
    return manhattan(a, b) - 100.0


def largest_gap(a, b):
    return gaps(a, b).amax(-1)  # negative for a few pairs only


def root(a, b):
    return gaps(a, b).square().sum(-1).sqrt()


def unit_vectors(a, b):
    return manhattan(*(x / x.norm(dim=-1, keepdim=True) for x in (a, b)))


def always_float32(a, b):
    return manhattan(a, b).float().double()


def of_type_float64(a, b):
    return manhattan(a, b).double()


def detached(a, b):
    return manhattan(a, b.detach())


def noisy(a, b):
    return manhattan(a, b) + 1e-5 * torch.rand(()).to(a)


class Weighted(nn.Module):
    def __init__(self, n_features):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_features))
        self.idle = nn.Parameter(torch.ones(n_features))

    def forward(self, a, b):
        return (gaps(a, b).abs() * self.weight.exp()).sum(-1)


class HasIdleParameter(Sound):
    def build(self, n_features):
        return Weighted(n_features)


class ReturnsLambda(Sound):
    def build(self, n_features):
        return lambda a, b: 2 * manhattan(a, b)


class RewritesItsParameter(Sound):
    def __init__(self, scale="one"):
        self.scale = scale[:1] + scale[1:]


class LosesParameterInPickle(Sound):
    def __init__(self, p=1.0):
        self.p = p

    def __reduce__(self):
        return type(self), ()


def by(measure):
    """Return a distance of a class of its own, which a pickle finds again."""
    name = "".join(part.title() for part in measure.__name__.split("_"))
    members = {"measure": staticmethod(measure), "__module__": __name__}
    globals()[name] = type(name, (Sound,), members)
    return globals()[name]()


_ALL = {law.name for law in LAWS["distance"]}
BROKEN = [
    (by(transposed), {"there_is_a_distance_per_pair", "leading_axes_are_tasks"}),
    (by(relative_to_the_set), {"there_is_a_distance_per_pair"}),
    (by(from_the_first_axis), {"leading_axes_are_tasks"}),
    (by(similarity), {"nothing_is_nearer_than_itself"}),
    (by(negative), {"nothing_is_nearer_than_itself"}),
    (by(largest_gap), {"nothing_is_nearer_than_itself"}),
    (by(root), {"gradient_is_finite_where_rows_coincide"}),
    (by(unit_vectors), {"gradient_is_finite_where_rows_coincide"}),
    (by(always_float32), {"dtype_is_kept_and_gradients_pass"}),
    (by(of_type_float64), {"dtype_is_kept_and_gradients_pass"}),
    (by(detached), {"dtype_is_kept_and_gradients_pass"}),
    (HasIdleParameter(), {"every_parameter_gets_a_gradient"}),
    (by(noisy), {"copies_measure_the_same"}),
    (ReturnsLambda(), {"copies_measure_the_same"}),
    (RewritesItsParameter(), {"copies_measure_the_same"}),
    (LosesParameterInPickle(p=2.0), {"copies_measure_the_same"}),
]


def outcome(distance, status):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)  # what is noisy draws from it
        results = check_distance(distance, on_fail=None)
    return {result.law for result in results if result.status == status}


@pytest.mark.parametrize(
    ("distance", "broken"), BROKEN, ids=lambda value: type(value).__name__
)
def test_a_broken_distance_fails_its_law_and_no_other(distance, broken):
    assert outcome(distance, "failed") == broken


def test_every_law_has_a_distance_that_breaks_it():
    assert set().union(*(broken for _, broken in BROKEN)) == _ALL


def test_a_sound_distance_keeps_every_law():
    assert outcome(Sound(), "passed") == _ALL


def test_the_message_names_law_finding_smallest_case_and_hint():
    with pytest.raises(BrokenLawError) as raised:
        check_distance(BROKEN[6][0])
    lines = str(raised.value).splitlines()
    assert lines[0] == (
        "Root() breaks the law 'gradient_is_finite_where_rows_coincide': the gradient "
        "of a is not finite for rows that coincide."
    )
    assert lines[1] == "Smallest case: 1 row against 1, with 1 feature."
    assert lines[3].startswith("Hint: clamp before a root")
