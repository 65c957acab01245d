/** Edges between maps and between nodes, as paths. */
import { linkHorizontal } from "d3-shape";
import { mapPlace, TITLE, type Block } from "./layout";

interface Point {
  x: number;
  y: number;
}

/** Edges drawn to a vector, however long it is. */
const FAN = 10;

const link = linkHorizontal<unknown, Point>()
  .x((point) => point.x)
  .y((point) => point.y);

/** Which input channels an output channel is made of. */
export function feeds(from: Block, to: Block, source: number, channel: number): boolean {
  const node = to.entry.node;
  // A folded block stands under the name of its last node, which need not be what reads its inputs.
  if (to.vector || from.vector || to.entry.folded) return true;
  const inputs = from.entry.node.shape[0] ?? 1;
  const outputs = node.shape[0] ?? 1;
  if (node.kind === "convolution") {
    return Math.floor((source * node.groups) / inputs) === Math.floor((channel * node.groups) / outputs);
  }
  return inputs !== outputs || source === channel;
}

/** Heights at which edges leave or reach a block: a map's middle, or some of a vector's cells. */
function heights(block: Block, index: number, pairs: boolean): number[] {
  if (!block.vector) return [mapPlace(block, index, pairs).y + block.mapHeight / 2];
  const cells = Math.min(block.entry.node.shape[0] ?? 1, FAN);
  return Array.from({ length: cells }, (_, k) => block.y + ((k + 0.5) * block.height) / cells);
}

function fan(from: Block, to: Block, source: number, target: number, pairs: boolean, cell?: number): string {
  const [start, stop] = [mapPlace(from, source, pairs), mapPlace(to, target, pairs)];
  const width = from.alone ? from.width : from.mapWidth * (pairs ? 2 : 1);
  const length = to.entry.node.shape[0] ?? 1;
  const reached =
    to.vector && cell !== undefined
      ? [to.y + ((cell + 0.5) * to.height) / length]
      : heights(to, target, pairs);
  const leaving = heights(from, source, pairs);
  const straight = from.vector && to.vector && isCellwise(from, to);
  return leaving
    .flatMap((y, k) =>
      reached
        .filter((_, other) => !straight || cell !== undefined || k === other)
        .map((height) => link({ source: { x: start.x + width, y }, target: { x: stop.x, y: height } }) ?? ""),
    )
    .join("");
}

/** Whether each cell of a vector is made of the one beside it alone. */
function isCellwise(from: Block, to: Block): boolean {
  const kind = to.entry.node.kind;
  return from.entry.node.shape[0] === to.entry.node.shape[0] && kind !== "dense" && kind !== "softmax";
}

export interface Shown {
  /** Channels shown of a node, in order. */
  channels: (name: string) => number[];
  pairs: boolean;
}

/** All edges from one node to another as one path. */
export function bundle(from: Block, to: Block, shown: Shown): string {
  if (to.column - from.column > 1) return over(from, to);
  if (!from.alone || !to.alone) return between(from, to);
  const [sources, targets] = [shown.channels(from.entry.node.name), shown.channels(to.entry.node.name)];
  const paths: string[] = [];
  for (let target = 0; target < to.count; target++) {
    for (let source = 0; source < from.count; source++) {
      if (!feeds(from, to, sources[source] ?? source, targets[target] ?? target)) continue;
      paths.push(fan(from, to, source, target, shown.pairs));
    }
  }
  return paths.join("");
}

/** The edges that end in one map. */
export function incoming(from: Block, to: Block, target: number, shown: Shown, cell?: number): string {
  const sources = shown.channels(from.entry.node.name);
  const channel = shown.channels(to.entry.node.name)[target] ?? target;
  if (to.column - from.column > 1) return over(from, to);
  const paths: string[] = [];
  for (let source = 0; source < from.count; source++) {
    if (!feeds(from, to, sources[source] ?? source, channel)) continue;
    paths.push(fan(from, to, source, target, shown.pairs, cell));
  }
  return paths.join("");
}

/** One curve between two blocks. */
function between(from: Block, to: Block): string {
  const source = { x: from.x + from.width, y: from.y + from.height / 2 };
  return link({ source, target: { x: to.x, y: to.y + to.height / 2 } }) ?? "";
}

/** A way around the columns that lie between: over them, through the room above the maps. */
function over(from: Block, to: Block): string {
  const source = { x: from.x + from.width, y: from.y + 6 };
  const target = { x: to.x, y: to.y + 6 };
  const height = TITLE - 6 - Math.min(10, to.column - from.column);
  const bend = 26;
  return (
    `M${source.x},${source.y}C${source.x + bend},${source.y} ${source.x},${height} ${source.x + bend},${height}` +
    `L${target.x - bend},${height}C${target.x},${height} ${target.x - bend},${target.y} ${target.x},${target.y}`
  );
}
