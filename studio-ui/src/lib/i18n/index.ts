/** The page's words in the reader's language. */
import type { Embedded, Kind } from "../messages";
import { en, type Key, type Words } from "./en";
import { zh } from "./zh";

export type { Key };
export type Language = Embedded["language"];

export const WORDS: Record<Language, Words> = { en, zh };

export function filled(text: string, parts: Record<string, string | number> = {}): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(parts[name] ?? whole));
}

/** The language that a browser asks for. */
export function preferredLanguage(wanted: readonly string[]): Language {
  return wanted[0]?.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export const KIND_NAME: Record<Kind, Key> = {
  input: "kindInput",
  convolution: "kindConvolution",
  dense: "kindDense",
  pooling: "kindPooling",
  activation: "kindActivation",
  normalization: "kindNormalization",
  softmax: "kindSoftmax",
  merge: "kindMerge",
  shape: "kindShape",
  dropout: "kindDropout",
  other: "kindOther",
};

export const KIND_TEXT: Record<Kind, Key> = {
  input: "tellInput",
  convolution: "tellConvolution",
  dense: "tellDense",
  pooling: "tellPooling",
  activation: "tellActivation",
  normalization: "tellNormalization",
  softmax: "tellSoftmax",
  merge: "tellMerge",
  shape: "tellShape",
  dropout: "tellDropout",
  other: "tellOther",
};
