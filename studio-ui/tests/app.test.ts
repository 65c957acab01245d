import { flushSync, mount, unmount } from "svelte";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import App from "../src/App.svelte";
import { EmbeddedSource } from "../src/lib/embedded";
import { Settings } from "../src/lib/settings.svelte";
import { embedded, sums } from "./fixture";

const NETWORK = "lenet5";

async function until<Found>(find: () => Found | null | undefined | false): Promise<Found> {
  for (let turn = 0; turn < 400; turn++) {
    flushSync();
    const found = find();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`nothing was found by ${find}`);
}

const all = (selector: string) => [...document.querySelectorAll<HTMLElement>(selector)];
const one = (selector: string) => document.querySelector<HTMLElement>(selector);

describe("the page without a server", () => {
  let app: Record<string, unknown>;
  const data = embedded(NETWORK);
  const nodes = data.state.models[0]?.nodes ?? [];

  beforeEach(async () => {
    location.hash = "";
    localStorage.clear();
    document.body.innerHTML = "<div></div>";
    const target = document.body.firstElementChild as HTMLElement;
    const settings = new Settings("en");
    app = mount(App, { target, props: { source: new EmbeddedSource(data), settings } });
    await until(() => one("[data-map]"));
  });

  afterEach(() => unmount(app));

  it("shows a button for every map, with its range in words", () => {
    const maps = nodes.filter((node) => node.shape.length > 1);
    for (const node of maps) {
      const shown = all(`[data-map][data-node="${node.name}"]`);
      expect(shown, node.name).toHaveLength(Math.min(node.shape[0] ?? 0, 16));
      expect(shown[0]?.getAttribute("aria-label")).toMatch(/channel 0: .* to /);
    }
  });

  it("opens a convolution, then one window, whose products sum to the cell of the partial map", async () => {
    const node = nodes.filter((other) => other.kind === "convolution")[1];
    one(`[data-map="2"][data-node="${node?.name}"]`)?.click();
    (await until(() => one("[data-partial]"))).click();
    const sum = await until(() => one("[data-partial-sum]"));
    const products = all("[data-product]").map((term) => Number(term.dataset["product"]));
    expect(products.length).toBeGreaterThan(1);
    const total = products.reduce((before, product) => before + product, 0);
    expect(total).toBeCloseTo(Number(sum.dataset["partialSum"]), 10);
  });

  it("shows the library's total for an output", async () => {
    const dense = nodes.findLast((node) => node.kind === "dense");
    const expected = sums(NETWORK).findLast((sum) => sum.node === dense?.name);
    one(`[data-map="${expected?.cell[0]}"][data-node="${dense?.name}"]`)?.click();
    const total = await until(() => one("[data-total]"));
    expect(Number(total.dataset["total"])).toBeCloseTo(expected?.total ?? NaN, 8);
  });

  it("goes back one level at a time", async () => {
    const node = nodes.find((other) => other.kind === "convolution");
    one(`[data-map="0"][data-node="${node?.name}"]`)?.click();
    (await until(() => one("[data-partial]"))).click();
    await until(() => one("[data-card]"));
    const escape = () =>
      window.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", cancelable: true }));
    escape();
    await until(() => one("[data-card]") === null);
    expect(one("[data-partial]")).not.toBeNull();
    escape();
    await until(() => one("[data-partial]") === null);
  });

  it("keeps the view in the address and speaks Chinese at once when asked", async () => {
    const node = nodes.find((other) => other.kind === "pooling");
    one(`[data-map="1"][data-node="${node?.name}"]`)?.click();
    await until(() => location.hash.includes(`open=${node?.name}%2C1`));
    all("header button")
      .find((button) => button.textContent?.trim() === "中文")
      ?.click();
    await until(() => document.documentElement.lang === "zh-Hans");
    expect(one("[data-card] h2")?.textContent).toContain("池化");
  });
});
