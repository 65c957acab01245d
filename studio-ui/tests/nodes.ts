/** Nodes of made-up networks. */
import type { Kind, NodeInfo } from "../src/lib/messages";

export function node(name: string, kind: Kind, inputs: string[], shape: number[], fold = ""): NodeInfo {
  return {
    name,
    kind,
    inputs,
    shape,
    fold,
    layer: "",
    formula: "",
    settings: {},
    parameters: [],
    parameter_count: 0,
    multiply_adds: 0,
    nbytes: 0,
    axes: null,
    groups: 1,
    connections: null,
    depth: 0,
    signed: true,
    field: null,
    milliseconds: null,
  };
}
