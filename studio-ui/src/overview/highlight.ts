/** What the map under the pointer is made of: its edges, its sources and itself, as paths. */
import { feeds, incoming, type Shown } from "../lib/edges";
import { cellCount, mapPlace, pairWidth, type Block, type Layout } from "../lib/layout";
import type { Place } from "../lib/studio.svelte";

export interface Stroke {
  path: string;
  width: number;
  opacity: number;
}

export function highlight(layout: Layout, hover: Place, shown: Shown): Stroke[] {
  const target = layout.byName.get(hover.node);
  if (!target) return [];
  const index = target.vector ? 0 : Math.max(0, shown.channels(hover.node).indexOf(hover.channel));
  const cell = target.vector ? hover.channel : undefined;
  const sources = target.entry.inputs.flatMap((name) => layout.byName.get(name) ?? []);
  const edges = sources.map((from) => incoming(from, target, index, shown, cell));
  const marked = sources.map((from) => marks(from, target, hover.channel, shown));
  return [
    { path: edges.join(""), width: 1, opacity: 0.75 },
    { path: marked.join(""), width: 1.5, opacity: 1 },
    { path: ring(target, index, cell, shown.pairs), width: 2, opacity: 1 },
  ];
}

/** A frame around each source. */
function marks(from: Block, target: Block, channel: number, shown: Shown): string {
  const channels = shown.channels(from.entry.node.name);
  const frames: string[] = [];
  for (let k = 0; k < from.count; k++) {
    if (!feeds(from, target, channels[k] ?? k, channel)) continue;
    const { x, y } = mapPlace(from, k, shown.pairs);
    frames.push(frame(x - 1.5, y - 1.5, from.mapWidth + 3, from.mapHeight + 3));
  }
  return frames.join("");
}

/** A line of two pixels just within the map or the cell. */
function ring(block: Block, index: number, cell: number | undefined, pairs: boolean): string {
  const { x, y } = mapPlace(block, index, pairs);
  const cells = cellCount(block);
  const side = block.mapHeight / cells;
  const top = Math.round(cells > 1 ? y + (cell ?? 0) * side : y);
  const [left, width] = [Math.round(x), Math.round(pairWidth(block, pairs))];
  return frame(left + 1, top + 1, width - 2, Math.round(side) - 2);
}

function frame(x: number, y: number, width: number, height: number): string {
  return `M${x},${y}h${width}v${height}h${-width}z`;
}
