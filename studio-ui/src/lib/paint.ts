/** Maps onto canvases. */
import { byteTable, entryOf, type Scale } from "./colours";

/** Paint one map's bytes at a canvas's own resolution, from the row `firstRow` of the canvas on. */
export function paintBytes(
  context: CanvasRenderingContext2D,
  bytes: Uint8Array,
  size: { width: number; height: number },
  colours: Uint32Array,
  firstRow = 0,
): void {
  const pixels = context.createImageData(size.width, size.height);
  const words = new Uint32Array(pixels.data.buffer);
  for (let k = 0; k < words.length; k++) words[k] = colours[bytes[k] ?? 0] ?? 0;
  context.putImageData(pixels, 0, firstRow);
}

/** Paint float values under a scale. */
export function paintValues(
  context: CanvasRenderingContext2D,
  values: ArrayLike<number>,
  size: { width: number; height: number },
  scale: Scale,
  table: Uint32Array,
): void {
  const pixels = context.createImageData(size.width, size.height);
  const words = new Uint32Array(pixels.data.buffer);
  for (let k = 0; k < words.length; k++) words[k] = table[entryOf(values[k] ?? 0, scale)] ?? 0;
  context.putImageData(pixels, 0, 0);
}

export { byteTable };
