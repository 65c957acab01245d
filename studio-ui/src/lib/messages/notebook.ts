// Written by pellucid.studio.typescript from src/pellucid/studio/messages/.

/**
 * From the page to the kernel.
 *
 * "page": the page itself. "ask": a request as the server takes it; its body is `text`, which is JSON, or
 * the bytes that come with the message. "leave": nobody waits for that answer any more. "open": a line to a
 * training run; "say": a wish on it; "hang-up". `id` names a request or a line, and comes back.
 */
export interface Asking {
  kind: "page" | "ask" | "leave" | "open" | "say" | "hang-up";
  id: string;
  method?: string;
  path?: string;
  text?: string;
}

/**
 * From the kernel to the page.
 *
 * "page", "answer": the content is in the bytes that come with the message. `status` is HTTP's, `height` the
 * page's in pixels. "said": a state on a line. "closed": the line's end.
 */
export interface Telling {
  kind: "page" | "answer" | "said" | "closed";
  id: string;
  status?: number;
  height?: number;
  text?: string;
}

/**
 * One epoch of a finished run; None where nothing was held out, or targets are no classes.
 */
export interface Epoch {
  epoch: number;
  loss: number;
  accuracy: number | null;
  test_loss: number | null;
  test_accuracy: number | null;
  seconds: number;
  images_per_second: number;
}

/**
 * A finished run: names of the network and the data set, and the epochs.
 */
export interface Run {
  network: string;
  data: string;
  epochs: Epoch[];
}

/**
 * What a page in a notebook's cell shows: a run, or, where that is None, what the kernel has open.
 */
export interface Cell {
  run: Run | null;
}
