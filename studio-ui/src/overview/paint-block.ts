/** All maps of one node onto one canvas: bytes become colours by a table, the browser scales them. */
import { mapBytes, type AtlasAnswer } from "../lib/binary";
import { byteTable, type Palette, type Scale } from "../lib/colours";
import { cellCount, mapPlace, PAIR, pairWidth, type Block } from "../lib/layout";
import type { NodeMaps } from "../lib/messages";
import { paintBytes } from "../lib/paint";

interface Shown {
  answer: AtlasAnswer;
  maps: NodeMaps;
}

/** The line around a map. */
const LINE = { width: 0.5, colour: "rgb(120 125 135 / 35%)" };

export type Tables = Record<Palette, Uint32Array>;

export function paintBlock(
  canvas: HTMLCanvasElement,
  block: Block,
  shown: Shown,
  beside: Shown | null,
  scale: (index: number, second: boolean) => Scale,
  tables: Tables,
): void {
  const density = window.devicePixelRatio || 1;
  canvas.width = Math.ceil(block.width * density);
  canvas.height = Math.ceil(block.height * density);
  const context = canvas.getContext("2d");
  const scratch = document.createElement("canvas");
  const pen = scratch.getContext("2d", { willReadFrequently: true });
  if (!context || !pen) return;
  context.scale(density, density);
  const put = (from: Shown, index: number, second: boolean, x: number, y: number) => {
    const range = from.maps.maps[index];
    if (range === undefined) return;
    const [height, width] = block.vector
      ? [from.maps.width, from.maps.height]
      : [from.maps.height, from.maps.width];
    [scratch.width, scratch.height] = [width, height];
    const chosen = scale(index, second);
    const colours = byteTable(range.low, range.high, chosen, tables[chosen.palette]);
    paintBytes(pen, mapBytes(from.answer, from.maps, index), { width, height }, colours);
    context.imageSmoothingEnabled = height > block.mapHeight * density;
    context.drawImage(scratch, 0, 0, width, height, x, y, block.mapWidth, block.mapHeight);
  };
  for (let index = 0; index < block.count; index++) {
    const place = mapPlace(block, index, beside !== null);
    const [x, y] = [place.x - block.x, place.y - block.y];
    put(shown, index, false, x, y);
    if (!beside) continue;
    // More channels may be shown than those that stand beside.
    const channel = shown.maps.maps[index]?.channel;
    const other = beside.maps.maps.findIndex((map) => map.channel === channel);
    if (other >= 0) put(beside, other, true, x + block.mapWidth + PAIR, y);
  }
  outline(context, block, beside !== null, density);
}

/** A line around every map, or every cell of a short vector, on the screen's own pixels. */
function outline(context: CanvasRenderingContext2D, block: Block, pairs: boolean, density: number): void {
  const snapped = (at: number) => Math.round(at * density) / density;
  const cells = cellCount(block);
  const height = block.mapHeight / cells;
  context.strokeStyle = LINE.colour;
  context.lineWidth = LINE.width;
  for (let index = 0; index < block.count * cells; index++) {
    const place = mapPlace(block, Math.floor(index / cells), pairs);
    const [left, top] = [place.x - block.x, place.y - block.y + (index % cells) * height];
    const [x, y] = [snapped(left), snapped(top)];
    const [right, bottom] = [snapped(left + pairWidth(block, pairs)), snapped(top + height)];
    context.strokeRect(
      x + LINE.width / 2,
      y + LINE.width / 2,
      right - x - LINE.width,
      bottom - y - LINE.width,
    );
  }
}
