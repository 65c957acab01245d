/** Which weights of a convolution belong to one input channel and one output channel. */
import type { ValuesAnswer } from "../lib/binary";
import { connectionAt } from "../lib/geometry";
import type { NodeInfo } from "../lib/messages";

export interface Kernel {
  height: number;
  width: number;
  values: Float32Array;
  /** Indices of the kernel in the weight array, before those within it. */
  lead: number[];
}

/**
 * Layouts: (outputs, inputs of a group, ...) of a convolution, (inputs, outputs of a group, ...) where the map
 * is enlarged, (connections, ...) under a connection table.
 */
export function kernelOf(
  node: NodeInfo,
  inputs: number,
  weight: ValuesAnswer,
  channel: number,
  source: number,
): Kernel | null {
  const shape = weight.head.shape;
  const axes = node.axes?.length ?? 0;
  const sides = shape.slice(shape.length - axes);
  if (node.connections && shape.length === axes + 1) {
    const connection = connectionAt(node.connections, channel, source);
    return connection < 0 ? null : kernelAt(weight, sides, [connection], connection);
  }
  if (shape.length !== axes + 2) return null;
  const lead = leadOf(node, inputs, shape, channel, source);
  if ((lead[1] ?? -1) < 0 || (lead[1] ?? 0) >= (shape[1] ?? 0)) return null;
  return kernelAt(weight, sides, lead, (lead[0] ?? 0) * (shape[1] ?? 1) + (lead[1] ?? 0));
}

/** One kernel of all, which lie one behind the other. */
function kernelAt(weight: ValuesAnswer, sides: number[], lead: number[], number: number): Kernel {
  const size = sides.reduce((product, side) => product * side, 1);
  const start = number * size;
  return {
    height: sides.length > 1 ? (sides[0] ?? 1) : 1,
    width: sides[sides.length - 1] ?? 1,
    values: weight.values.subarray(start, start + size),
    lead,
  };
}

function leadOf(node: NodeInfo, inputs: number, shape: number[], channel: number, source: number): number[] {
  const enlarged = (node.axes ?? []).some((axis) => axis.fraction > 1);
  const second = shape[1] ?? 1;
  if (enlarged) return [source, channel - Math.floor((source * node.groups) / inputs) * second];
  const outputs = node.shape[0] ?? 1;
  return [channel, source - Math.floor((channel * node.groups) / outputs) * second];
}
