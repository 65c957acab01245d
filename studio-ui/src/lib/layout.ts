/** Where everything stands on the stage: columns by depth, and room where a view is open. */
import { isVector } from "./geometry";
import type { Kind } from "./messages";
import type { VisibleNode } from "./fold";

export interface Block {
  entry: VisibleNode;
  x: number;
  y: number;
  width: number;
  height: number;
  /** Side of one map on screen, and the distance from one to the next. */
  mapWidth: number;
  mapHeight: number;
  gridColumns: number;
  gap: number;
  /** Maps shown; a vector is one. */
  count: number;
  /** Alone in its column: its edges are drawn map by map. */
  alone: boolean;
  vector: boolean;
  column: number;
}

export interface Layout {
  blocks: Block[];
  byName: Map<string, Block>;
  width: number;
  height: number;
  mapSide: number;
  /** The room before an opened node, between its inputs and itself. */
  room: { x: number; width: number } | null;
}

export interface LayoutWish {
  width: number;
  height: number;
  /** Maps that a node shows. */
  shown: (name: string) => number;
  opened: string | null;
  roomWidth: number;
  /** Room on the right for the class names. */
  outputWidth: number;
  /** Maps stand in pairs: the activation and its gradient. */
  pairs: boolean;
  /** Rows that the class list is aligned with, where the last vector is that short. */
  rowHeight: number;
}

export const TITLE = 46;
/** Room below the maps, for what follows them: how many of a node's channels are shown. */
const BELOW = 22;
const SLOT = 46;
const SHORT_GAP = 12;
const LONG_GAP = 44;
const MOST_STRETCH = 3.2;
const STRIP = 12;
/** A vector of at most this many cells shows them one by one. */
const SHORT = 24;
/** Between an activation and its gradient. */
export const PAIR = 4;
/** Between the columns of a block. */
export const BESIDE = 2;

const COMPUTES: ReadonlySet<Kind> = new Set<Kind>(["convolution", "dense", "merge"]);

export function layOut(entries: VisibleNode[], wish: LayoutWish): Layout {
  const columns: VisibleNode[][] = [];
  for (const entry of entries) (columns[entry.depth] ??= []).push(entry);
  const rows = Math.max(1, ...columns.filter((c) => c.length === 1).map((c) => countOf(c[0], wish)));
  const room = wish.height - TITLE - BELOW;
  // A wide screen has larger maps, as far as all columns still fit.
  const widest = Math.max(64, (wish.width - wish.outputWidth) / (columns.length * 1.9));
  const mapSide = Math.floor(Math.min(widest, Math.max(20, room / rows - 8)));
  const stage = Math.max(room, rows * (mapSide + 6));
  const blocks = columns.flatMap((column, index) =>
    column.length === 1
      ? column.map((entry) => single(entry, index, mapSide, stage, wish))
      : lanes(column, index, stage, wish),
  );
  const { width, place } = across(columns, blocks, wish, mapSide);
  const bottom = Math.max(...blocks.map((block) => block.y + block.height), stage + TITLE);
  return {
    blocks,
    byName: new Map(blocks.map((block) => [block.entry.node.name, block])),
    width,
    height: bottom + BELOW,
    mapSide,
    room: place,
  };
}

function countOf(entry: VisibleNode | undefined, wish: LayoutWish): number {
  return entry === undefined || isVector(entry.node) ? 1 : wish.shown(entry.node.name);
}

function single(entry: VisibleNode, column: number, side: number, stage: number, wish: LayoutWish): Block {
  const vector = isVector(entry.node);
  const base = { entry, x: 0, alone: true, vector, column, gridColumns: 1 };
  if (vector) {
    const length = entry.node.shape[0] ?? 1;
    const height = Math.min(stage, length <= SHORT ? length * wish.rowHeight : stage);
    const strip = Math.max(STRIP, Math.round(side / 6));
    const width = strip * (wish.pairs ? 2 : 1) + (wish.pairs ? PAIR : 0);
    const y = TITLE + (stage - height) / 2;
    return { ...base, y, width, height, mapWidth: strip, mapHeight: height, gap: 0, count: 1 };
  }
  const count = countOf(entry, wish);
  const gap = count > 1 ? Math.min(Math.max((stage - count * side) / (count - 1), 4), side * 0.6) : 0;
  const { width, height } = proportioned(entry, side);
  const total = count * side + (count - 1) * gap;
  const y = TITLE + Math.max(0, (stage - total) / 2);
  const whole = width * (wish.pairs ? 2 : 1) + (wish.pairs ? PAIR : 0);
  return {
    ...base,
    y,
    width: whole,
    height: total - side + height,
    mapWidth: width,
    mapHeight: height,
    gap: gap + side - height,
    count,
  };
}

/** Sides on screen of a map that keep its proportions within a square. */
function proportioned(entry: VisibleNode, side: number): { width: number; height: number } {
  const shape = entry.node.shape;
  if (shape.length < 3) return { width: side, height: Math.max(8, Math.round(side / 4)) };
  const [high, wide] = [shape[shape.length - 2] ?? 1, shape[shape.length - 1] ?? 1];
  const most = Math.max(high, wide);
  return {
    width: Math.max(6, Math.round((side * wide) / most)),
    height: Math.max(6, Math.round((side * high) / most)),
  };
}

/** Several nodes in one column: each a small grid of its maps, one below the other. */
function lanes(column: VisibleNode[], index: number, stage: number, wish: LayoutWish): Block[] {
  const laneHeight = Math.max(stage / column.length, 88);
  const total = laneHeight * column.length;
  return column.map((entry, lane) => {
    const count = countOf(entry, wish);
    const gridColumns = Math.ceil(Math.sqrt(count));
    const gridRows = Math.ceil(count / gridColumns);
    const side = Math.max(12, Math.min(26, (laneHeight - 36) / gridRows - 2));
    const { width, height } = isVector(entry.node)
      ? { width: STRIP, height: laneHeight - 40 }
      : proportioned(entry, side);
    const pairWidth = wish.pairs ? 2 * width + PAIR : width;
    const whole = gridRows * (height + 2) - 2;
    const y =
      TITLE + (stage - total) / 2 + lane * laneHeight + 24 + Math.max(0, (laneHeight - 36 - whole) / 2);
    return {
      entry,
      x: 0,
      y: Math.max(y, TITLE + lane * laneHeight),
      width: gridColumns * (pairWidth + 2) - 2,
      height: whole,
      mapWidth: width,
      mapHeight: height,
      gridColumns,
      gap: 2,
      count,
      alone: false,
      vector: isVector(entry.node),
      column: index,
    };
  });
}

/** Give every column its place from left to right; gaps before columns that compute take the spare room. */
function across(
  columns: VisibleNode[][],
  blocks: Block[],
  wish: LayoutWish,
  mapSide: number,
): { width: number; place: { x: number; width: number } | null } {
  const slots = columns.map((_, index) =>
    Math.max(SLOT, ...blocks.filter((block) => block.column === index).map((block) => block.width)),
  );
  const long = columns.map((column) => column.some((entry) => COMPUTES.has(entry.node.kind)));
  const margin = 20;
  const fixed =
    2 * margin +
    wish.outputWidth +
    slots.reduce((sum, slot) => sum + slot, 0) +
    long.filter((is, index) => !is && index > 0).length * SHORT_GAP;
  const longs = long.filter((is, index) => is && index > 0).length;
  const spare = longs > 0 ? (wish.width - fixed) / longs : 0;
  const longGap = Math.min(Math.max(spare, LONG_GAP * 0.8), Math.max(LONG_GAP * MOST_STRETCH, 2.6 * mapSide));
  let x = margin;
  let place: { x: number; width: number } | null = null;
  columns.forEach((column, index) => {
    const isOpened = column.some((entry) => entry.node.name === wish.opened);
    if (index > 0) {
      const gap = isOpened ? wish.roomWidth : long[index] ? longGap : SHORT_GAP;
      if (isOpened) place = { x, width: gap };
      x += gap;
    }
    for (const block of blocks) {
      if (block.column === index) block.x = x + ((slots[index] ?? SLOT) - block.width) / 2;
    }
    x += slots[index] ?? SLOT;
  });
  return { width: Math.max(x + wish.outputWidth + margin, wish.width), place };
}

/** Corner of one map of a block. */
export function mapPlace(block: Block, index: number, pairs: boolean): { x: number; y: number } {
  const column = index % block.gridColumns;
  const row = Math.floor(index / block.gridColumns);
  const step = pairWidth(block, pairs) + BESIDE;
  return { x: block.x + column * step, y: block.y + row * (block.mapHeight + block.gap) };
}

/** Width of a map and what stands beside it. */
export function pairWidth(block: Block, pairs: boolean): number {
  return pairs ? 2 * block.mapWidth + PAIR : block.mapWidth;
}

/** Places in a block's map that can be pointed at: the cells of a short vector, else one. */
export function cellCount(block: Block): number {
  const length = block.entry.node.shape[0] ?? 1;
  return block.vector && length <= SHORT ? length : 1;
}
