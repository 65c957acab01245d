"""What is made from parameters before it is used: packed weights, folded coefficients."""

from __future__ import annotations

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.context import NodeContext
from pellucid.engines.native.plan import Buffer, Step


def _changes(context: NodeContext) -> bool:
    return context.training or context.differentiated


def derived_buffer(builder: PlanBuilder, context: NodeContext, name: str, values: int) -> Buffer:
    """Floats for `derive` to fill: kept from run to run unless every run changes the parameters."""
    make = builder.batch_buffer if _changes(context) else builder.prepared_buffer
    return make(f"{context.name} {name}", values)


def derive(builder: PlanBuilder, context: NodeContext, *steps: Step) -> None:
    """Shared steps from parameters to derived buffers: whenever the state has changed, or in every run."""
    if _changes(context):
        builder.shared(steps)
    else:
        builder.prepare(*steps)
