/** The view as a link: what stands behind the # of the address. */
import type { ModelInfo } from "./messages";
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
  "compare",
] satisfies Panel[];

/** Whether the page has an address that a link can name: in a notebook's frame it has none. */
export function hasAddress(): boolean {
  return location.protocol !== "about:";
}

/** A model by its name, which outlives the server; where several are called the same, by its id. */
function modelKey(studio: Studio, name: string, id: string): string {
  const namesakes = (studio.state?.models ?? []).filter((one) => one.name === name);
  return namesakes.length > 1 ? id : name;
}

function modelOf(studio: Studio, key: string | null): ModelInfo | undefined {
  const models = studio.state?.models ?? [];
  return models.find((one) => one.id === key) ?? models.find((one) => one.name === key);
}

export function viewHash(studio: Studio): string {
  const parts = new URLSearchParams();
  if (studio.model) parts.set("model", modelKey(studio, studio.model.name, studio.model.id));
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
  if (studio.other) {
    const { step, name, model } = studio.other;
    parts.set("beside", step === null ? modelKey(studio, name, model) : String(step));
    if (studio.difference) parts.set("difference", "1");
  }
  if (studio.panel) parts.set("panel", studio.panel);
  return parts.toString();
}

/** Bring back what a link describes, as far as it is still there. */
export async function restoreView(studio: Studio, hash: string): Promise<void> {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  const model = modelOf(studio, parts.get("model"));
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
  await restoreBeside(studio, parts);
  restoreOpened(studio, parts);
  const panel = parts.get("panel");
  if (panel !== null && PANELS.includes(panel)) studio.panel = panel as Panel;
}

async function restoreBeside(studio: Studio, parts: URLSearchParams): Promise<void> {
  const beside = parts.get("beside");
  const difference = parts.get("difference") === "1";
  const step = studio.model?.moments.find((moment) => String(moment) === beside);
  if (step !== undefined) {
    await studio.compareWithMoment(step, difference);
    return;
  }
  const other = modelOf(studio, beside);
  if (other && other.id !== studio.model?.id)
    await studio.compare({ model: other.id, name: other.name, step: null }, difference);
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
