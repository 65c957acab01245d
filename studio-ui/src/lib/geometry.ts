/** Which input cells an output cell sees, by the layer's own axes. */
import type { Axis, NodeInfo } from "./messages";

/** For each tap of the kernel the input position it reads at `output`, or -1 where padding lies there. */
/** Number of a kernel under a connection table, whose kernels are in its order; -1 where nothing connects. */
export function connectionAt(table: number[][], channel: number, source: number): number {
  const at = table[channel]?.indexOf(source) ?? -1;
  return at < 0 ? -1 : at + table.slice(0, channel).reduce((sum, row) => sum + row.length, 0);
}

export function taps(axis: Axis, output: number): number[] {
  return Array.from({ length: axis.kernel }, (_, k) => {
    const place = output * axis.stride - axis.pad_start + k * axis.dilation;
    const position = place / axis.fraction;
    return Number.isInteger(position) && position >= 0 && position < axis.input ? position : -1;
  });
}

/** First and last place that the window covers, padding included, in input positions. */
export function span(axis: Axis, output: number): { start: number; stop: number } {
  const start = (output * axis.stride - axis.pad_start) / axis.fraction;
  const length = (axis.dilation * (axis.kernel - 1)) / axis.fraction + 1;
  return { start, stop: start + length };
}

/** The output position whose window's middle is nearest to an input position. */
export function outputAt(axis: Axis, input: number): number {
  const middle = (axis.dilation * (axis.kernel - 1)) / 2;
  const place = Math.round((input * axis.fraction + axis.pad_start - middle) / axis.stride);
  return Math.min(Math.max(place, 0), axis.output - 1);
}

/** Sides of one map of a node: height 1 for a vector or a signal. */
export function mapSides(shape: number[]): { height: number; width: number } {
  if (shape.length >= 3) return { height: shape[shape.length - 2] ?? 1, width: shape[shape.length - 1] ?? 1 };
  return { height: 1, width: shape[shape.length - 1] ?? 1 };
}

/** Whether a node's output is one vector, not maps. */
export function isVector(node: NodeInfo): boolean {
  return node.shape.length <= 1;
}

/** Channels of a node: a vector counts as one. */
export function channelCount(node: NodeInfo): number {
  return isVector(node) ? 1 : (node.shape[0] ?? 1);
}

/** The cell of a node at a place of a channel's map. */
export function cellAt(node: NodeInfo, channel: number, row: number, column: number): number[] {
  if (node.shape.length <= 1) return [column];
  if (node.shape.length === 2) return [channel, column];
  return [channel, row, column];
}

/** Row and column of a cell within its map. */
export function placeOf(cell: number[]): { row: number; column: number } {
  if (cell.length >= 3) return { row: cell[cell.length - 2] ?? 0, column: cell[cell.length - 1] ?? 0 };
  return { row: 0, column: cell[cell.length - 1] ?? 0 };
}
