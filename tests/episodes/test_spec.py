"""What a learner is built for."""

from skmeta.episodes import Spec


def test_a_large_pool_has_ten_classes_of_which_tasks_are_drawn():
    def pool(n, *, from_pool=True):
        spec = Spec(3, 0, "classifier", "per_task", n, from_pool=from_pool)
        return spec.is_large_pool

    assert [pool(n) for n in (0, 9, 10, 500)] == [False, False, True, True]
    assert not pool(500, from_pool=False)


def test_what_new_tasks_do_not_need_makes_no_difference():
    spec = Spec(3, 2, "classifier")
    assert spec == Spec(3, 2, "classifier", "shared", 7, from_pool=True, n_parts=2)
    for other in [
        Spec(4, 2, "classifier"),
        Spec(3, 1, "classifier"),
        Spec(3, 2, "regressor"),
        Spec(3, 2, "classifier", "per_task"),
    ]:
        assert spec != other
