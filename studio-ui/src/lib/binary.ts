/** Binary answers: four bytes of length, little-endian, a JSON head, and the bytes. */
import type { Atlas, NodeMaps, Values } from "./messages";

export interface AtlasAnswer {
  head: Atlas;
  bytes: Uint8Array;
  /** The head's nodes by name. */
  byNode: Map<string, NodeMaps>;
}

export interface ValuesAnswer {
  head: Values;
  values: Float32Array;
}

function split(buffer: ArrayBuffer): { head: unknown; bytes: Uint8Array } {
  const length = new DataView(buffer).getUint32(0, true);
  const head: unknown = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  return { head, bytes: new Uint8Array(buffer, 4 + length) };
}

export function readAtlas(buffer: ArrayBuffer): AtlasAnswer {
  const { head, bytes } = split(buffer);
  const atlas = head as Atlas;
  return { head: atlas, bytes, byNode: new Map(atlas.nodes.map((maps) => [maps.node, maps])) };
}

export function readValues(buffer: ArrayBuffer): ValuesAnswer {
  const { head, bytes } = split(buffer);
  const values = head as Values;
  const count = values.shape.reduce((product, side) => product * side, 1);
  const start = bytes.byteLength - 4 * count;
  return { head: values, values: new Float32Array(bytes.slice(start).buffer) };
}

/** The bytes of one shown map; `index` counts the shown ones. */
export function mapBytes(answer: AtlasAnswer, maps: NodeMaps, index: number): Uint8Array {
  const size = maps.height * maps.width;
  const start = maps.offset + index * size;
  return answer.bytes.subarray(start, start + size);
}
