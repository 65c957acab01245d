import { describe, expect, it } from "vitest";
import { visibleGraph } from "../src/lib/fold";
import { layOut, mapPlace } from "../src/lib/layout";
import type { NodeInfo } from "../src/lib/messages";
import { highlight } from "../src/overview/highlight";
import { node } from "./nodes";

const nodes = [
  node("input", "input", [], [3, 8, 8]),
  { ...node("grouped", "convolution", ["input"], [6, 8, 8]), groups: 3 },
  node("pool", "pooling", ["grouped"], [6, 4, 4]),
  node("fc", "dense", ["pool"], [10]),
];
const laidOut = (of: NodeInfo[], folded: string[] = []) =>
  layOut(visibleGraph(of, new Set(folded)), {
    width: 1280,
    height: 640,
    shown: (name) => of.find((one) => one.name === name)?.shape[0] ?? 1,
    opened: null,
    roomWidth: 400,
    outputWidth: 190,
    pairs: false,
    rowHeight: 26,
  });
const layout = laidOut(nodes);
const folding = [
  node("stem", "pooling", [], [4, 8, 8]),
  node("left", "convolution", ["stem"], [2, 8, 8], "mixed"),
  node("right", "convolution", ["stem"], [2, 8, 8], "mixed"),
  node("joined", "merge", ["left", "right"], [4, 8, 8], "mixed"),
];
const shown = { channels: () => [0, 1, 2, 3, 4, 5], pairs: false };
const corners = (path: string) =>
  [...path.matchAll(/M(-?[\d.]+),(-?[\d.]+)/g)].map(([, x, y]) => ({ x: Number(x), y: Number(y) }));

function drawn(name: string, channel: number) {
  const [edges, sources, target] = highlight(layout, { node: name, channel }, shown);
  return { edges: edges?.path ?? "", sources: sources?.path ?? "", target: target?.path ?? "" };
}

function block(name: string) {
  const found = layout.byName.get(name);
  if (!found) throw new Error(name);
  return found;
}

describe("the highlight", () => {
  it("frames the map under the pointer and the maps that it is made of, with an edge from each", () => {
    const { edges, sources, target } = drawn("grouped", 3);
    const place = mapPlace(block("grouped"), 3, false);
    expect(corners(target)).toEqual([{ x: Math.round(place.x) + 1, y: Math.round(place.y) + 1 }]);
    const second = mapPlace(block("input"), 1, false);
    expect(corners(sources)).toEqual([{ x: second.x - 1.5, y: second.y - 1.5 }]);
    expect(corners(edges)).toHaveLength(1);
    expect(corners(drawn("pool", 5).sources)[0]?.y).toBe(mapPlace(block("grouped"), 5, false).y - 1.5);
  });

  it("frames one cell of a short vector, which is made of every map", () => {
    const { edges, sources, target } = drawn("fc", 7);
    const fc = block("fc");
    expect(corners(target)[0]?.y).toBe(Math.round(fc.y + 0.7 * fc.height) + 1);
    expect(corners(sources)).toHaveLength(6);
    expect(corners(edges)).toHaveLength(6);
  });

  it("frames every map that a folded block reads, though its last node is as wide as they are many", () => {
    const [edges, sources] = highlight(laidOut(folding, ["mixed"]), { node: "joined", channel: 2 }, shown);
    expect(corners(sources?.path ?? "")).toHaveLength(4);
    expect(corners(edges?.path ?? "")).toHaveLength(4);
  });

  it("is nothing for a node that is not on the stage", () => {
    expect(highlight(layout, { node: "gone", channel: 0 }, shown)).toEqual([]);
  });
});
