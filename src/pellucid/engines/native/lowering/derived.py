"""What is made from parameters before it is used: packed weights, folded coefficients."""

from __future__ import annotations

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.context import NodeContext
from pellucid.engines.native.plan import Buffer, Step


def is_kept(context: NodeContext) -> bool:
    """Whether what is derived stays from run to run: parameters then change seldom."""
    return not (context.training or context.differentiated)


def derived_buffer(builder: PlanBuilder, context: NodeContext, name: str, values: int) -> Buffer:
    """Floats for `derive` to fill."""
    name = f"{context.name} {name}"
    if is_kept(context):
        return builder.prepared_buffer(name, values)
    return builder.pooled_buffer(name, values * 4)


def derive(builder: PlanBuilder, context: NodeContext, *steps: Step) -> None:
    """Shared steps from parameters to derived buffers: whenever the state has changed, or in every run."""
    if is_kept(context):
        builder.prepare(*steps)
    else:
        builder.shared(steps)
