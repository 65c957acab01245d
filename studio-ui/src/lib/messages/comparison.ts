// Written by pellucid.studio.typescript from src/pellucid/studio/messages/.
import type { Class } from "./maps";

/**
 * A parameter of two models: how far apart, relative to the first's norm; null for infinitely far.
 */
export interface Moved {
  parameter: string;
  relative: number | null;
  cosine: number;
}

/**
 * A node of two models on one image: the norm of the difference by the norm of the first's.
 */
export interface Apart {
  node: string;
  relative: number | null;
}

/**
 * What differs between two models of one description, on one image; each list the furthest first.
 */
export interface Comparison {
  one: Class[];
  other: Class[];
  nodes: Apart[];
  parameters: Moved[];
}
