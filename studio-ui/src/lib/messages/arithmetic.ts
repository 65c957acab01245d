// Written by pellucid.studio.typescript from src/pellucid/studio/messages/.

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
