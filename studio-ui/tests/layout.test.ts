import { describe, expect, it } from "vitest";
import { bundle, feeds } from "../src/lib/edges";
import { initiallyFolded, visibleGraph } from "../src/lib/fold";
import { layOut, type Block } from "../src/lib/layout";
import { node } from "./nodes";

const residual = [
  node("input", "input", [], [3, 8, 8]),
  node("a", "convolution", ["input"], [4, 8, 8], "block1"),
  node("b", "convolution", ["a"], [4, 8, 8], "block1"),
  node("add", "merge", ["b", "input"], [4, 8, 8], "block1"),
  node("left", "convolution", ["add"], [4, 8, 8]),
  node("right", "convolution", ["add"], [4, 8, 8]),
  node("join", "merge", ["left", "right"], [8, 8, 8]),
  node("fc", "dense", ["join"], [10]),
];
const wish = {
  width: 1280,
  height: 640,
  shown: () => 4,
  opened: null,
  roomWidth: 400,
  outputWidth: 190,
  pairs: false,
  rowHeight: 26,
};

describe("a folded block", () => {
  const entries = visibleGraph(residual, new Set(["block1"]));

  it("stands in the graph as its last node, fed from outside", () => {
    const add = entries.find((entry) => entry.node.name === "add");
    expect(add?.members).toEqual(["a", "b", "add"]);
    expect(add?.inputs).toEqual(["input"]);
    expect(entries.map((entry) => entry.node.name)).not.toContain("a");
  });

  it("is folded at first only in a large graph", () => {
    expect(initiallyFolded(residual).size).toBe(0);
    const many = Array.from({ length: 50 }, (_, k) => node(`n${k}`, "activation", [], [1], "block"));
    expect([...initiallyFolded(many)]).toEqual(["block"]);
  });
});

describe("the layout", () => {
  const entries = visibleGraph(residual, new Set());
  const layout = layOut(entries, wish);

  it("puts every node to the right of all that feed it", () => {
    for (const block of layout.blocks) {
      for (const name of block.entry.inputs) {
        const source = layout.byName.get(name);
        expect(block.x).toBeGreaterThanOrEqual((source?.x ?? 0) + (source?.width ?? 0));
      }
    }
  });

  it("lets no two nodes overlap", () => {
    const apart = (one: Block, other: Block) =>
      one.x + one.width <= other.x ||
      other.x + other.width <= one.x ||
      one.y + one.height <= other.y ||
      other.y + other.height <= one.y;
    for (const one of layout.blocks) {
      for (const other of layout.blocks) if (one !== other) expect(apart(one, other)).toBe(true);
    }
  });

  it("makes room before an opened node and keeps the order", () => {
    const open = layOut(entries, { ...wish, opened: "left" });
    const [before, after] = [open.byName.get("add"), open.byName.get("left")];
    expect((after?.x ?? 0) - ((before?.x ?? 0) + (before?.width ?? 0))).toBeGreaterThanOrEqual(400);
    expect(open.room?.width).toBe(400);
  });

  it("draws an edge past other columns around them", () => {
    const [from, to] = [layout.byName.get("input"), layout.byName.get("add")];
    if (!from || !to) throw new Error("not laid out");
    const shown = { channels: () => [0, 1, 2, 3], pairs: false };
    expect(bundle(from, to, shown)).toContain("L");
  });

  it("ties a map to its group's inputs only", () => {
    const entry = { ...node("g", "convolution", ["add"], [4, 8, 8]), groups: 2 };
    const block = { ...(layout.byName.get("left") as Block) };
    const grouped = { ...block, entry: { ...block.entry, node: entry } };
    const from = layout.byName.get("add") as Block;
    expect([0, 1, 2, 3].map((source) => feeds(from, grouped, source, 0))).toEqual([true, true, false, false]);
  });
});
