/** What fixtures.py wrote: the data of a one-file export, and the library's own arithmetic. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { readAtlas, readValues, type AtlasAnswer, type ValuesAnswer } from "../src/lib/binary";
import type { Arithmetic, Embedded } from "../src/lib/messages";

export const NETWORKS = ["tiny-vgg", "lenet5", "lenet5-1998"] as const;

function read(name: string): unknown {
  return JSON.parse(readFileSync(join(import.meta.dirname, "data", `${name}.json`), "utf8"));
}

export const embedded = (network: string): Embedded => read(network) as Embedded;
export const realSentences = (): string[] => read("sentences") as string[];
export const sums = (network: string): Arithmetic[] => read(`${network}.arithmetic`) as Arithmetic[];

/** What the library says that each input channel alone gives to a map: "NODE CHANNEL". */
export const partials = (network: string): Record<string, { channels: number[]; maps: string }> =>
  read(`${network}.partials`) as Record<string, { channels: number[]; maps: string }>;

function inflated(text: string): ArrayBuffer {
  const bytes = inflateSync(Buffer.from(text, "base64"));
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
}

export const atlasOf = (text: string): AtlasAnswer => readAtlas(inflated(text));
export const valuesOf = (text: string): ValuesAnswer => readValues(inflated(text));
