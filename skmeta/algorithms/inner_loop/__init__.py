"""Steps of gradient descent inside every task, and the meta-gradient through them.

A meta-learner that learns by steps (MAML and its family) differentiates the loss on the
queries, after the steps, in the weights before them. Several paths compute the same;
this is which one runs when:

======================  ==========================================  ===================
path                    when                                        where
======================  ==========================================  ===================
written out, whole      the learner is a plain ReLU network all of  ``meta_gradient``
meta-batch              whose weights adapt, or a head of one; the
                        algorithm is ``written_out``; no
                        ``checkpoint``. First order too, where it
                        keeps no more than the last weights
written out, by step    the same network, and the algorithm is not  ``descent``, whose
                        ``written_out`` (MAML++, a subclass with    ``descend`` is a
                        a loss of its own)                          node of autograd
autograd                any other network of ``skmeta.nn`` layers:  ``InnerLoop.step``,
                        convolutions, tanh, layer norm; a network   ``create_graph``
                        whose head stays (BOIL); a training in
                        ``precision="bfloat16"``. In parts, where
                        nothing draws or is foreign: ``by_parts``
vmap                    in autograd's place for foreign layers      ``nn.calls``
checkpointed            ``checkpoint=True``: steps are taken again  ``recomputing``
                        on the way back, of any network
forgotten               nobody differentiates through the steps:    ``InnerLoop.walk``;
                        ``adapt`` after training, Reptile, iMAML's  Reptile's whole
                        way to its end                              meta-batch in
                                                                    ``meta_gradient``
first order             ``first_order=True``: any path above, the   the same
                        inner gradient taken for a constant
compiled                ``compile=True``: the path that runs, as    ``engine.net``
                        one graph; parts of the tasks stay one
======================  ==========================================  ===================

The notation of what is written out: a layer maps its input A to Z = A W^T + b, and ReLU
makes the next input of Z. G is the gradient of the support loss in Z. ``W_bar`` is what
the outer backward pass finds for W: the gradient of the meta-loss. torch could find all
of it by ``create_graph=True``, with general rules that touch every small tensor many
times; written out, a step and its derivative are a few dozen batched products.
"""

from skmeta.algorithms.inner_loop.learner import InnerLoop, Rates, State

__all__ = ["InnerLoop", "Rates", "State"]
