"""Meta-learners to a file and back."""

from functools import partial
from inspect import signature
from typing import Any

from skmeta.engine.training import build
from skmeta.episodes.spec import Spec
from skmeta.saving.adapted import read_adapted, write_adapted
from skmeta.saving.checks import check_history, check_learnt, check_names
from skmeta.saving.kinds import kind
from skmeta.saving.names import CALIBRATION, FITTED, SPEC
from skmeta.saving.routing import read_routing, write_routing
from skmeta.saving.values import Reader, Writer
from skmeta.saving.weights import check_weights, for_weights
from skmeta.utils.messages import warn
from skmeta.utils.random import seeded

__all__ = ["read_meta", "write_meta"]

# Parameters that no file brings back: they are of a machine, or lead out of the file.
_LEFT_OUT = frozenset({"accelerate", "callbacks", "checkpoint_dir", "device"})

# Attributes that are written in a way of their own.
_PARTS = ("net_", "module_", "history_", "spec_", "adapted_", "calibration_")
_PARTS += ("_metadata_request",)
_PARTS += ("_training_groups",)  # may be names of people, and serve a message alone
# What set_callbacks of scikit-learn has left: of any class, and for fit alone.
_PARTS += ("_skl_callbacks", "_skl_callbacks_to_teardown", "_callback_fit_ctx")


def write_meta(writer: Writer, meta: Any, root: str) -> dict:
    """Write a meta-learner, fitted or not, whose names in messages begin with root."""
    given = meta.get_params(deep=False)
    for name in _LEFT_OUT - {"callbacks"}:
        given[name] = _default(type(meta), name)
    if given.get("callbacks"):
        names = ", ".join(
            type(each[-1] if isinstance(each, tuple) else each).__name__
            for each in given["callbacks"]
        )
        warn(
            f"The callbacks ({names}) are not saved: they may be of any class, and "
            "they have done their work in fit.",
        )
        given["callbacks"] = None
    content = {
        "class": type(meta).__name__,
        "params": {k: writer.write(v, f"{root}{k}") for k, v in given.items()},
        "routing": write_routing(meta),
    }
    if not hasattr(meta, "module_"):
        return content
    learnt = {key: attr for key, attr in FITTED.items() if attr in vars(meta)}
    known = {*given, *learnt.values(), *_PARTS}
    # What a user has hung on it goes by its own name.
    learnt |= {name: name for name in vars(meta) if name not in known}
    writer.algorithm = meta.algorithm_
    if meta._calibration().is_ready:
        parts = meta.calibration_.parts()
        content["calibration"] = {
            key: writer.write(parts[name], f"{root}calibration_.{key}")
            for key, name in CALIBRATION.items()
        }
    return {
        **content,
        "fitted": {
            key: writer.write(vars(meta)[name], f"{root}{key}")
            for key, name in sorted(learnt.items())
        },
        "spec": _write_spec(meta.spec_),
        "history": writer.write([*meta.history_], f"{root}history_"),
        "weights": writer.write(dict(meta.module_.state_dict()), f"{root}module_"),
        **write_adapted(writer, meta.adapted_, f"{root}adapted_"),
    }


def read_meta(reader: Reader, content: dict, device: str | None) -> Any:
    """Return the meta-learner that :func:`write_meta` has written."""
    cls = kind(content["class"])
    given = {"prior": None} | reader.read(content["params"])  # format 1 has none
    given |= {name: _default(cls, name) for name in _LEFT_OUT}
    if device is not None:
        given["device"] = device
    meta = cls(**given)
    read_routing(meta, content["routing"])
    if "weights" not in content:
        return meta
    learnt = {FITTED.get(key, key): v for key, v in content["fitted"].items()}
    check_names(learnt, meta, {*given, *_PARTS})
    for name, value in learnt.items():
        setattr(meta, name, reader.read(value))
    for name, earlier in (  # as in format 1
        ("prior_", None),
        ("n_shot_", meta.n_shot),
        ("n_query_", meta.n_query),
    ):
        if not hasattr(meta, name):
            setattr(meta, name, earlier)
    spec = {SPEC[key]: value for key, value in content["spec"].items()}
    meta.spec_ = Spec(**spec | {"long_tails": tuple(spec.get("long_tails", ()))})
    check_learnt(meta)
    weights = reader.read(content["weights"])
    check_weights(partial(build, meta.algorithm_, meta.backbone_, meta.spec_), weights)
    meta.net_ = meta._make_net(validates=False)
    with seeded(0), for_weights():  # what is drawn is overwritten
        meta.net_.initialize()
    meta.module_ = meta.net_.module_
    meta.module_.load_state_dict(weights)
    meta.module_.eval()
    meta.net_.history.extend(check_history(reader.read(content["history"])))
    meta.history_ = meta.net_.history
    if "calibration" in content:
        known = reader.read(content["calibration"])
        meta._take_calibration({CALIBRATION[key]: own for key, own in known.items()})
    reader.algorithm, reader.device = meta.algorithm_, meta.device
    meta.adapted_ = read_adapted(reader, content, meta)
    return meta


def _write_spec(spec: Spec) -> dict:
    content = {key: getattr(spec, name) for key, name in SPEC.items()}
    # Earlier versions do not know that there may be more.
    if spec.n_targets == 1:
        del content["n_targets"]
    for name in ("fixed_split", "of_images", "long_tails"):
        if not getattr(spec, name):
            del content[name]
    return content


def _default(cls: type, name: str) -> Any:
    return signature(cls).parameters[name].default
