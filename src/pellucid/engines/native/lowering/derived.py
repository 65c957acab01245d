"""What is made from parameters before it is used: packed weights, folded coefficients."""

from __future__ import annotations

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.context import NodeContext
from pellucid.engines.native.plan import Buffer, Scope, Step

KEPT_BYTES = 1 << 20
"""What a plan with backward steps keeps of one derivation, at most: a program may have many such plans."""


def is_kept(context: NodeContext, nbytes: int) -> bool:
    """Whether so much that is derived stays from run to run: outside of training parameters change seldom."""
    return not context.training and (not context.differentiated or nbytes <= KEPT_BYTES)


def derived_buffer(builder: PlanBuilder, context: NodeContext, name: str, values: int) -> Buffer:
    """Floats for `derive` to fill."""
    name, nbytes = f"{context.name} {name}", 4 * values
    if is_kept(context, nbytes):
        return builder.prepared_buffer(name, values)
    return builder.pooled_buffer(name, nbytes)


def derive(builder: PlanBuilder, result: Buffer, step: Step) -> None:
    """A shared step from parameters to a derived buffer: whenever the state has changed, or in every run."""
    if result.scope is Scope.PREPARED:
        builder.prepare(step)
    else:
        builder.shared([step])
