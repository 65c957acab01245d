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
 * the node in the last measured run; null until measured. groups: of a convolution, else 1.
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
  depth: number;
  fold: string;
  signed: boolean;
  field: number[] | null;
  milliseconds: number | null;
}

/**
 * An open model, all that the stage needs before an image is chosen.
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

export type What = "activation" | "gradient";

/**
 * Where a channel's map lies in an atlas and what its bytes mean: low + byte / 255 * (high - low).
 */
export interface MapRange {
  channel: number;
  low: number;
  high: number;
}

/**
 * The shown channels of one node: height x width bytes each, one after another from `offset`.
 *
 * A vector is one map of height 1. total: channels in all; those shown are the strongest, in order of
 * their numbers. low, high: over all channels of the node.
 */
export interface NodeMaps {
  node: string;
  offset: number;
  height: number;
  width: number;
  total: number;
  low: number;
  high: number;
  maps: MapRange[];
}

/**
 * One class of the output.
 */
export interface Class {
  number: number;
  name: string;
  score: number;
  probability: number;
}

/**
 * Head of the answer to an overview: the bytes of all maps follow it.
 *
 * The answer is binary: the length of this head as four bytes, little-endian, the head in UTF-8, the bytes.
 * trace: to be named in questions about these numbers. j: what was differentiated, in words, for gradients.
 */
export interface Atlas {
  trace: string;
  model: string;
  image: string;
  what: What;
  j: string | null;
  nodes: NodeMaps[];
  classes: Class[];
  milliseconds: number;
}

/**
 * Head of float32 values, in the same binary form as an Atlas.
 */
export interface Values {
  node: string;
  what: What;
  shape: number[];
}

/**
 * One addend: input cell times weight, or an addend alone.
 *
 * source: the input's node, null for a bias; cell: where in it. weight_name, weight_cell: which weight.
 */
export interface Term {
  source: string | null;
  cell: number[];
  input: number | null;
  weight_name: string | null;
  weight_cell: number[];
  weight: number | null;
  product: number;
}

/**
 * An elementwise activation at points along its input, to be drawn as a curve.
 */
export interface Curve {
  inputs: number[];
  outputs: number[];
}

/**
 * The terms of one input channel together: the cell of a partial map.
 */
export interface Partial {
  source: string;
  channel: number;
  sum: number;
}

/**
 * The sum behind one number.
 *
 * terms: at most as many as asked for, largest first, the bias always; rest, rest_count: the others. Where
 * one input channel was asked for, those of that channel. Of a maximum pooling the cells of its window, and
 * winner is the index of the largest. text, latex: the sum as a person would write it.
 */
export interface Arithmetic {
  title: string;
  node: string;
  cell: number[];
  formula: string;
  function: string;
  terms: Term[];
  rest: number;
  rest_count: number;
  partials: Partial[];
  winner: number | null;
  total: number;
  value: number;
  engine: number;
  difference: number;
  tolerance: number;
  agrees: boolean;
  text: string;
  latex: string;
}

/**
 * One number of an optimiser's step.
 */
export interface UpdateRow {
  symbol: string;
  equation: string;
  value: number;
}

/**
 * An optimiser's step of one weight, row by row.
 */
export interface Update {
  parameter: string;
  cell: number[];
  formula: string;
  rows: UpdateRow[];
  engine: number;
  same_bits: boolean;
}

/**
 * The same number by another road.
 */
export interface Proof {
  title: string;
  engine: number;
  terms: number;
  independent: number;
  uncertainty: number;
  agrees: boolean;
  method: string;
  remarks: string[];
}

/**
 * What is differentiated: a class's score, or with loss=true the loss against that class.
 */
export interface TargetWish {
  number?: number | null;
  loss?: boolean;
}

/**
 * One intervention of a what-if.
 *
 * kind "channel": node, channel; "weight" (biases too): parameter, at; "cell": node, at; "patch": node,
 * corner, size. value: what it becomes, 0 to silence.
 */
export interface Edit {
  kind: "channel" | "weight" | "cell" | "patch";
  node?: string;
  parameter?: string;
  channel?: number;
  at?: number[];
  corner?: number[];
  size?: number[];
  value: number;
}

/**
 * A channel that a what-if changed.
 */
export interface Changed {
  node: string;
  channel: number;
  amount: number;
  relative: number;
}

/**
 * The outputs with and without the edits; `trace` names the edited pass, whose maps can be asked for.
 */
export interface WhatIf {
  trace: string;
  before: Class[];
  after: Class[];
  changed: Changed[];
}

/**
 * An attribution: what it is, and its map in [-1, 1] of its largest value, row by row.
 */
export interface Heat {
  method: string;
  sentences: string[];
  verdict: string | null;
  height: number;
  width: number;
  signed: boolean;
  largest: number;
  values: number[];
}

/**
 * Pixels that a cell sees: the box within the image, and the one that its padding reaches.
 *
 * heat: how much it listens to each pixel of the box within the image, 0 to 1, row by row; null unless
 * asked for.
 */
export interface FieldBox {
  node: string;
  cell: number[];
  start: number[] | null;
  stop: number[] | null;
  unclipped_start: number[] | null;
  unclipped_stop: number[] | null;
  heat: number[] | null;
}

/**
 * One thing that is not as it should be, as a sentence that names the layer.
 */
export interface HealthFinding {
  kind: string;
  node: string;
  value: number;
  threshold: number;
  sentence: string;
  remedy: string;
}

/**
 * All findings, worst first; none when the network is well.
 */
export interface Health {
  findings: HealthFinding[];
  images: number;
}

/**
 * A setting of the sandbox.
 */
export interface SandboxWish {
  input: number;
  kernel: number;
  stride: number;
  padding: number;
  padding_mode: string;
  dilation: number;
  transposed: boolean;
  output_padding: number;
}

/**
 * What a setting gives; `problem` is the rule in words where it is invalid, and the rest then empty.
 *
 * windows: for each output column, the input columns under the kernel's taps, -1 where padding lies there.
 */
export interface Sandbox {
  output: number;
  axis: Axis | null;
  windows: number[][];
  unused: number[];
  problem: string | null;
}

/**
 * One of the patches of a data set that a channel answers most.
 */
export interface TopPatch {
  image: string;
  value: number;
  start: number[];
  stop: number[];
}

/**
 * An image that the network is wrong about.
 */
export interface Mistake {
  image: ImageInfo;
  predicted: number;
  probability: number;
}

/**
 * How a model does on a data set: confusion[label][predicted] images, and the worst mistakes.
 */
export interface Mistakes {
  confusion: number[][];
  worst: Mistake[];
  images: number;
}

/**
 * Why a request was refused: one line that says what to do.
 */
export interface Problem {
  error: string;
}

/**
 * What the page sends over the WebSocket.
 *
 * "open": load data, begin a run of a model; "step", "epoch", "run": go on by so much; "pause"; "scrub":
 * show the model as it was at a step; "close".
 */
export interface TrainWish {
  action: "open" | "step" | "epoch" | "run" | "pause" | "scrub" | "close";
  model?: string;
  data?: string;
  epochs?: number;
  step?: number;
}

/**
 * What the server answers and reports on the way.
 *
 * model: id of the model at `step`, to be traced like any other. moments: steps that can be scrubbed to.
 * losses, accuracies: (step, number) pairs; accuracies are of held-out images.
 */
export interface TrainState {
  status: "ready" | "running" | "paused" | "finished" | "failed" | "scrubbed";
  model: string;
  step: number;
  epoch: number;
  epochs: number;
  steps_per_epoch: number;
  images_per_second: number;
  loss: number | null;
  accuracy: number | null;
  losses: [number, number][];
  accuracies: [number, number][];
  moments: number[];
  problem: string | null;
}

/**
 * What a one-file export holds in place of a server, for one model.
 *
 * Strings are binary answers, compressed by zlib, in base64. pictures: data URLs by image. atlases: by
 * image, "gradient " before it for gradients. values: by "trace node". parameters: by name. answers: JSON
 * answers by path and question, as the page writes them.
 */
export interface Embedded {
  language: "en" | "zh";
  state: State;
  pictures: Record<string, string>;
  atlases: Record<string, string>;
  values: Record<string, string>;
  parameters: Record<string, string>;
  answers: Record<string, string>;
}
