// Written by pellucid.studio.typescript from src/pellucid/studio/messages/.
import type { Class } from "./maps";
import type { Axis, ImageInfo } from "./models";

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
