// Written by pellucid.studio.typescript from src/pellucid/studio/messages/.

export type Kind = "input" | "convolution" | "dense" | "pooling" | "activation" | "normalization" | "softmax" | "merge" | "shape" | "dropout" | "other";

/**
 * How an output position sees one spatial axis of the input; see layers.AxisWindow.
 */
export interface Axis {
  input: number;
  output: number;
  kernel: number;
  stride: number;
  dilation: number;
  pad_start: number;
  pad_end: number;
  fraction: number;
  unused: number;
}

/**
 * One array of a node.
 */
export interface ParameterInfo {
  name: string;
  shape: number[];
  role: "trainable" | "buffer" | "fixed";
}

/**
 * A node of the graph.
 *
 * depth: the longest way from an input, in nodes: the column it stands in. fold: name of the repeated block
 * that it belongs to, "" for none. signed: whether its values may be negative. settings: hyper-parameters by
 * name, as text. field: pixels that one cell sees, a side an axis; null for all of them. milliseconds: of
 * the node in the last measured run; null until measured. groups: of a convolution, else 1. connections: for
 * every output map the input maps it sees, under a connection table; its kernels are in the table's order.
 */
export interface NodeInfo {
  name: string;
  layer: string;
  kind: Kind;
  formula: string;
  inputs: string[];
  shape: number[];
  settings: Record<string, string>;
  parameters: ParameterInfo[];
  parameter_count: number;
  multiply_adds: number;
  nbytes: number;
  axes: Axis[] | null;
  groups: number;
  connections: number[][] | null;
  depth: number;
  fold: string;
  signed: boolean;
  field: number[] | null;
  milliseconds: number | null;
}

/**
 * An open model, all that the stage needs before an image is chosen.
 *
 * run: where it was trained, for people. moments: steps of that run that were recorded.
 */
export interface ModelInfo {
  id: string;
  name: string;
  nodes: NodeInfo[];
  inputs: string[];
  outputs: string[];
  scores: string;
  class_names: string[];
  output_kind: "logits" | "probabilities" | "scores";
  parameter_count: number;
  multiply_adds: number;
  run: string | null;
  moments: number[];
}

/**
 * An image that can be shown to a model of its shape; `label` is its class where it is known.
 */
export interface ImageInfo {
  id: string;
  name: string;
  shape: number[];
  label: number | null;
}

/**
 * What the page finds when it opens.
 */
export interface State {
  version: string;
  models: ModelInfo[];
  images: Record<string, ImageInfo[]>;
  zoo: string[];
  allow_url: boolean;
  data: string[];
}
