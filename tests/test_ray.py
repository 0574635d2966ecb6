"""Ray's backend of joblib gets what calls share by reference."""

import joblib
import pytest

from skmeta.utils.parallel import call_all
from skmeta.utils.sending import InRay, Sent

ray = pytest.importorskip("ray")

pytestmark = pytest.mark.slow


def told(sent, number):
    return type(sent) is InRay, sent.open()["rows"] + number


def test_calls_over_ray_open_what_they_share():
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False)
    try:
        register_ray()
        shared = Sent({"rows": 10})
        with joblib.parallel_config("ray"):
            found = call_all(told, [(shared, number) for number in range(4)])
    finally:
        ray.shutdown()
    assert found == [(True, 10), (True, 11), (True, 12), (True, 13)]
