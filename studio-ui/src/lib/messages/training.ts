// Written by pellucid.studio.typescript from src/pellucid/studio/messages/.

/**
 * What the page sends over the WebSocket.
 *
 * "open": load data, begin a run of a model; "step", "epoch", "run": go on by so much; "pause"; "scrub":
 * show the model as it was at a step; "close".
 */
export interface TrainWish {
  action: "open" | "step" | "epoch" | "run" | "pause" | "scrub" | "close";
  model?: string;
  data?: string;
  epochs?: number;
  step?: number;
}

/**
 * What the server answers and reports on the way.
 *
 * model: id of the model at `step`, to be traced like any other. moments: steps that can be scrubbed to.
 * losses, accuracies: (step, number) pairs; accuracies are of held-out images.
 */
export interface TrainState {
  status: "ready" | "running" | "paused" | "finished" | "failed" | "scrubbed";
  model: string;
  step: number;
  epoch: number;
  epochs: number;
  steps_per_epoch: number;
  images_per_second: number;
  loss: number | null;
  accuracy: number | null;
  losses: [number, number][];
  accuracies: [number, number][];
  moments: number[];
  problem: string | null;
}
