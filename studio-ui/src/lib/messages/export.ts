// Written by pellucid.studio.typescript from src/pellucid/studio/messages/.
import type { State } from "./models";

/**
 * What a one-file export holds in place of a server, for one model.
 *
 * Strings are binary answers, compressed by zlib, in base64. pictures: data URLs by image. atlases: by
 * image, "gradient " before it for gradients. values: by "trace node". parameters: by name. answers: JSON
 * answers by path and question, as the page writes them.
 */
export interface Embedded {
  language: "en" | "zh";
  state: State;
  pictures: Record<string, string>;
  atlases: Record<string, string>;
  values: Record<string, string>;
  parameters: Record<string, string>;
  answers: Record<string, string>;
}
