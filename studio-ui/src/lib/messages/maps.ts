// Written by pellucid.studio.typescript from src/pellucid/studio/messages/.

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
 *
 * like: in a one-file export, the node whose number stands wherever the bits are 0x7FC05A3E.
 */
export interface Values {
  node: string;
  what: What;
  shape: number[];
  like?: string;
}
