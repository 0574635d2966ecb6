"""What was learnt of a shard of tasks, as a file that needs the model beside it."""

import copy
from typing import Any

from skmeta.ensemble.adapted import AdaptedMembers
from skmeta.ensemble.base import BaseMetaStacking
from skmeta.ensemble.members import flat
from skmeta.exceptions import LoadError
from skmeta.pipelines import last_step, with_last_step
from skmeta.saving.adapted import read_adapted, write_adapted
from skmeta.saving.checks import check_names
from skmeta.saving.estimators import estimator_reader, estimator_writer
from skmeta.saving.file import pack, unpack
from skmeta.saving.kinds import is_kind
from skmeta.saving.values import Reader, Writer

__all__ = ["pack_tasks", "unpack_tasks"]

# Attributes that have a way of their own into the file.
_PARTS = frozenset({"adapted_", "calibration_"})


def pack_tasks(adapted: Any, base: Any, about: dict[str, Any]) -> bytes:
    """Return the file of the tasks that a learner is adapted to, without the learner.

    Parameters
    ----------
    adapted : MetaClassifier, MetaRegressor or ensemble
        Adapted.
    base : same type
        The learner that ``adapted`` is a shallow copy of, before it was adapted.
    about : dict
        JSON that is kept beside them.

    Returns
    -------
    bytes
        In the format of :func:`skmeta.save`, with the same guards.
    """
    writer = estimator_writer()
    content = _write(writer, adapted, base, "")
    return pack({"about": about, "tasks": content}, writer.tensors)


def unpack_tasks(data: bytes, base: Any) -> tuple[Any, dict[str, Any]]:
    """Return a shallow copy of a learner that knows the tasks of a file.

    Parameters
    ----------
    data : bytes
        As :func:`pack_tasks` returned them.
    base : MetaClassifier, MetaRegressor or ensemble
        The learner that they were learnt by; it stays as it is.

    Returns
    -------
    adapted : same type as ``base``
        Adapted.
    about : dict
        What was kept beside.

    Raises
    ------
    LoadError
        If the file is damaged, or of another learner.
    """
    document, tensors = unpack(data)
    if "tasks" not in document:
        raise LoadError("It holds no tasks.")
    reader = estimator_reader(tensors)
    try:
        return _read(reader, document["tasks"], base), document["about"]
    except LoadError:
        raise
    except Exception as error:  # a forged file finds them all
        raise LoadError(
            "Its contents do not fit together, or not to this model "
            f"({type(error).__name__}: {error})."
        ) from error


def _write(writer: Writer, adapted: Any, base: Any, root: str) -> dict[str, Any]:
    """Write what adaptation has put in the place of what was there."""
    changed = {
        name: value
        for name, value in vars(adapted).items()
        if name not in _PARTS
        and (name not in vars(base) or vars(base)[name] is not value)
    }
    content: dict[str, Any] = {
        "changed": {k: writer.write(v, f"{root}{k}") for k, v in changed.items()}
    }
    if isinstance(adapted, BaseMetaStacking):
        assert adapted.adapted_ is not None
        before = flat(base.named_estimators_)
        content["members"] = {
            name: _write(
                writer, last_step(each), last_step(before[name]), f"{root}{name}."
            )
            for name, each in adapted.adapted_.learners().items()
        }
        parts = adapted.adapted_.parts()
        return {**content, "ensemble": writer.write(parts, f"{root}adapted_")}
    if is_kind(type(adapted)):
        writer.algorithm = adapted.algorithm_
        content |= write_adapted(writer, adapted.adapted_, f"{root}adapted_")
    return content


def _read(reader: Reader, content: dict[str, Any], base: Any) -> Any:
    adapted = copy.copy(base)
    changed = content["changed"]
    check_names(changed, base, {*base.get_params(deep=False), *_PARTS})
    for name, value in changed.items():
        setattr(adapted, name, reader.read(value))
    if isinstance(base, BaseMetaStacking):
        before = flat(base.named_estimators_)
        if before.keys() != content["members"].keys():
            raise LoadError("Its members are not those of this model.")
        members = {
            name: with_last_step(
                each, _read(reader, content["members"][name], last_step(each))
            )
            for name, each in before.items()
        }
        adapted.adapted_ = AdaptedMembers.of_parts(
            members,
            reader.read(content["ensemble"]),
            getattr(base, "label_space_", None),
        )
    elif is_kind(type(base)):
        reader.algorithm, reader.device = base.algorithm_, base.device
        adapted.adapted_ = read_adapted(reader, content, adapted)
    return adapted
