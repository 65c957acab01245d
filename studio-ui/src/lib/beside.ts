/** The model that stands beside the one on the stage. */
import type { AtlasAnswer } from "./binary";
import { model as title } from "./format";
import type { State } from "./messages";
import type { Settings } from "./settings.svelte";

/** A moment of the run on the stage, or another model that is open. */
export interface Other {
  model: string;
  name: string;
  /** The step of the run, and its images are those of the stage; null for another model. */
  step: number | null;
}

/** Its numbers, and what it was called when they were asked for. */
export interface Compared extends AtlasAnswer {
  name: string;
}

export function nameOf(other: Other | null, state: State | null, t: Settings["t"]): string {
  if (other === null) return "";
  if (other.step !== null) return t("stepIs", { step: other.step });
  const open = state?.models.find((one) => one.id === other.model);
  return open === undefined ? other.name : title(open);
}
