/** The view as a link: what stands behind the # of the address. */
import type { Panel, Studio } from "./studio.svelte";

const PANELS: readonly string[] = [
  "whatIf",
  "attribution",
  "health",
  "cost",
  "sandbox",
  "top",
  "training",
  "mistakes",
] satisfies Panel[];

/** Whether the page has an address that a link can name: in a notebook's frame it has none. */
export function hasAddress(): boolean {
  return location.protocol !== "about:";
}

export function viewHash(studio: Studio): string {
  const parts = new URLSearchParams();
  if (studio.model) parts.set("model", studio.model.name);
  if (studio.image) parts.set("image", studio.image);
  const opened = studio.opened;
  if (opened) {
    parts.set("open", [opened.node, opened.channel, opened.row, opened.column].join(","));
    if (opened.source !== null) parts.set("source", String(opened.source));
  }
  if (studio.backward) {
    parts.set("backward", studio.target.number == null ? "" : String(studio.target.number));
    if (studio.target.loss) parts.set("loss", "1");
  }
  if (studio.panel) parts.set("panel", studio.panel);
  return parts.toString();
}

/** Bring back what a link describes, as far as it is still there. */
export async function restoreView(studio: Studio, hash: string): Promise<void> {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  const model = studio.state?.models.find((one) => one.name === parts.get("model"));
  const image = parts.get("image");
  if (model && model.id !== studio.model?.id) await studio.show(model, image ?? undefined);
  else if (image && image !== studio.image && studio.images.some((one) => one.id === image)) {
    await studio.chooseImage(image);
  }
  const target = parts.get("backward");
  if (target !== null) {
    await studio.setBackward(true, {
      number: target === "" ? null : Number(target),
      loss: parts.get("loss") === "1",
    });
  }
  restoreOpened(studio, parts);
  const panel = parts.get("panel");
  if (panel !== null && PANELS.includes(panel)) studio.panel = panel as Panel;
}

function restoreOpened(studio: Studio, parts: URLSearchParams): void {
  const pieces = parts.get("open")?.split(",") ?? [];
  const numbers = pieces.slice(-3).map(Number);
  const node = pieces.slice(0, -3).join(",");
  const [channel, row, column] = numbers;
  if (!studio.nodes.has(node) || numbers.some((number) => !Number.isInteger(number))) return;
  studio.open(node, channel ?? 0);
  studio.moveTo(row ?? 0, column ?? 0);
  const source = parts.get("source");
  if (source !== null && Number.isInteger(Number(source))) studio.openSource(Number(source));
}
