"""What ``set_*_request`` was told, to a file and back."""

from typing import Any

__all__ = ["read_routing", "write_routing"]


def write_routing(estimator: Any) -> dict:
    """Return what an estimator was told, by method."""
    if not hasattr(estimator, "_metadata_request"):
        return {}
    requests = estimator._metadata_request
    methods = [
        name for name, part in vars(requests).items() if hasattr(part, "requests")
    ]
    return {method: dict(getattr(requests, method).requests) for method in methods}


def read_routing(estimator: Any, routing: dict) -> None:
    """Tell an estimator what :func:`write_routing` has returned."""
    if not routing:
        return
    requests = estimator._get_metadata_request()
    for method, asked in routing.items():
        getattr(requests, method).requests.update(asked)
    estimator._metadata_request = requests
