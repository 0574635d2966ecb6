"""What a plugin may offer: one hook per kind of thing that has a name.

A plugin is a module (or any object) whose functions carry the mark
:data:`hookimpl`. It becomes known through an entry point in the group
``skmeta`` of its distribution:

.. code-block:: toml

    [project.entry-points.skmeta]
    acme = "skmeta_acme"

The entry point's own name is free. The names that users write,
``MetaClassifier("acme")``, are the keys of the dictionaries that the hooks
return. Each class must be usable without arguments, since a name stands for
an instance with the default hyperparameters. A hook is called at the first
look-up of its kind; import what is slow inside it.
"""

from __future__ import annotations

import pluggy

PROJECT = "skmeta"
"""The name of the entry point group and of the pluggy project."""

KINDS = {
    "algorithm": "skmeta_algorithms",
    "backbone": "skmeta_backbones",
    "distance": "skmeta_distances",
    "augmentation": "skmeta_augmentations",
}
"""The kinds of names and, for each, the hook that offers them."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def skmeta_algorithms() -> dict[str, type]:
    """Offer meta-learning algorithms.

    Returns
    -------
    algorithms : dict of str to type
        Subclasses of :class:`skmeta.algorithms.Algorithm` by the name that
        users give as ``algorithm``. An algorithm keeps its hyperparameters in
        ``__init__``, holds no state of its own and treats a whole batch of
        tasks at once:

        - ``build(backbone, spec)`` returns the module that is meta-learnt;
        - ``adapt(module, support)`` returns the state of every task, a pytree
          of tensors whose leading axis is the task, and leaves the module's
          parameters as they were;
        - ``predict(module, state, X)`` returns logits or regression values,
          shape (tasks, rows, outputs);
        - ``meta_loss(module, episode)`` and ``meta_backward(module, episode)``
          have defaults that suit most methods.

    Examples
    --------
    In a plugin::

        @hookimpl
        def skmeta_algorithms():
            from skmeta_acme.algorithm import Acme

            return {"acme": Acme}
    """


@hookspec
def skmeta_backbones() -> dict[str, type]:
    """Offer networks that turn features into an embedding.

    Returns
    -------
    backbones : dict of str to type
        Classes by the name that users give as ``backbone``. A backbone keeps
        its hyperparameters in ``__init__``; ``build(n_features)`` returns a new
        :class:`torch.nn.Module` with an attribute ``out_features`` that maps
        (..., n_features) to (..., out_features).
    """


@hookspec
def skmeta_distances() -> dict[str, type]:
    """Offer distances between embeddings.

    Returns
    -------
    distances : dict of str to type
        Classes by the name that users give as ``distance``. An instance maps
        ``a`` of shape (..., n, d) and ``b`` of shape (..., m, d) to the
        distances (..., n, m), smaller meaning more alike; where it has
        parameters to learn, it is a factory of such a callable.
    """


@hookspec
def skmeta_augmentations() -> dict[str, type]:
    """Offer task augmentations.

    Returns
    -------
    augmentations : dict of str to type
        Subclasses of :class:`skmeta.augmentations.Augmentation` by the name that users
        give as ``augment``. ``augment(episode, spec, rng)`` returns a changed episode
        of the same shapes and masks, and draws from ``rng`` alone.
    """
