import { describe, expect, it } from "vitest";
import { cellArithmetic, flatIndex, partialMaps, partialSums } from "../src/lib/cell-sum";
import { taken } from "../src/lib/embedded";
import type { NodeInfo } from "../src/lib/messages";
import type { ValuesAnswer } from "../src/lib/binary";
import { embedded, NETWORKS, partials, sums, valuesOf } from "./fixture";

const EPSILON = 1e-5;

/** The sizes of numbers, so that sums of them bound what rounding can do. */
const sizes = (answer: ValuesAnswer): ValuesAnswer => ({
  head: answer.head,
  values: answer.values.map(Math.abs),
});

describe.each(NETWORKS)("without a server, in %s", (network) => {
  const data = embedded(network);
  const model = data.state.models[0];
  const image = data.state.images[network]?.[0]?.id ?? "";
  const nodes = new Map(model?.nodes.map((node) => [node.name, node]));
  const values = (name: string) => valuesOf(data.values[`${image} ${name}`] ?? "");
  const parametersOf = (node: NodeInfo) =>
    new Map(node.parameters.map((one) => [one.name, valuesOf(data.parameters[one.name] ?? "")]));

  const plain = sums(network).filter((sum) => {
    const kind = nodes.get(sum.node)?.kind;
    return kind === "convolution" || kind === "dense" || kind === "pooling" || kind === "activation";
  });

  it("has cells of every kind that the page sums itself", () => {
    expect(new Set(plain.map((sum) => nodes.get(sum.node)?.kind)).size).toBe(4);
  });

  it.each(plain.map((sum) => [sum.title, sum] as const))(
    "%s is what explain.arithmetic says",
    (_, expected) => {
      const node = nodes.get(expected.node);
      if (!node) throw new Error(`no node ${expected.node}`);
      const wish = { trace: image, node: node.name, at: expected.cell, limit: 1_000_000 };
      const input = values(node.inputs[0] ?? "");
      const found = cellArithmetic(node, input, values(node.name), parametersOf(node), wish);
      if (!found) throw new Error("no sum");
      if (expected.function === "") expect(found.value).toBeCloseTo(expected.value, 10);
      // What a function makes of the sum is taken from the engine.
      else expect(Math.abs(found.value - expected.value)).toBeLessThanOrEqual(expected.tolerance);
      expect(found.engine).toBeCloseTo(expected.engine, 10);
      expect(found.total).toBeCloseTo(expected.total, 10);
      expect(found.agrees).toBe(true);
      if (node.kind === "pooling") return;
      const key = (term: { source: string | null; cell: number[] }) => `${term.source} ${term.cell.join()}`;
      const known = new Map(expected.terms.map((term) => [key(term), term.product]));
      expect(found.terms).toHaveLength(expected.terms.length);
      for (const term of found.terms) expect(term.product).toBeCloseTo(known.get(key(term)) ?? NaN, 12);
    },
  );

  it.each(Object.entries(partials(network)))(
    "forms every partial map of %s as the library does",
    (key, { channels, maps }) => {
      const [name, channel] = key.split(" ");
      const node = nodes.get(name ?? "");
      if (!node) throw new Error(`no node ${name}`);
      const input = values(node.inputs[0] ?? "");
      const parameters = parametersOf(node);
      const expected = valuesOf(maps).values;
      const found = partialSums(node, input, parameters, Number(channel));
      const bounds = partialSums(
        node,
        sizes(input),
        new Map([...parameters].map(([parameter, array]) => [parameter, sizes(array)])),
        Number(channel),
      );
      expect([...found.keys()]).toEqual(channels);
      const cells = expected.length / channels.length;
      let worst = 0;
      channels.forEach((source, index) => {
        const [sum, bound] = [found.get(source), bounds.get(source)];
        expect(sum).toHaveLength(cells);
        for (let k = 0; k < cells; k++) {
          const apart = Math.abs((sum?.[k] ?? NaN) - (expected[index * cells + k] ?? NaN));
          worst = Math.max(worst, apart - EPSILON * (bound?.[k] ?? NaN));
        }
      });
      expect(worst).toBeLessThanOrEqual(0);
    },
  );

  it("sums partial maps and bias to the convolution's map", () => {
    const node = [...nodes.values()].find((one) => one.kind === "convolution");
    if (!node) throw new Error("no convolution");
    const parameters = parametersOf(node);
    const channel = 1;
    const answer = partialMaps(node, values(node.inputs[0] ?? ""), parameters, channel, 64);
    const maps = answer.byNode.get(node.name);
    if (!maps) throw new Error("no maps");
    const output = values(node.name);
    const bias = parameters.get(`${node.name}.bias`)?.values[channel] ?? NaN;
    const size = maps.height * maps.width;
    const step = maps.maps.reduce((sum, map) => sum + (map.high - map.low) / 255, 0);
    for (let k = 0; k < size; k += 97) {
      const total = maps.maps.reduce(
        (sum, map, index) =>
          sum + map.low + ((answer.bytes[index * size + k] ?? 0) / 255) * (map.high - map.low),
        bias,
      );
      const place = [channel, Math.floor(k / maps.width), k % maps.width];
      expect(Math.abs(total - (output.values[flatIndex(output.head.shape, place)] ?? NaN))).toBeLessThan(
        step,
      );
    }
  });

  it("limits terms to the largest and says what the rest sums to", () => {
    const expected = plain.find((sum) => nodes.get(sum.node)?.kind === "dense");
    const node = nodes.get(expected?.node ?? "");
    if (!expected || !node) throw new Error("no dense layer");
    const wish = { trace: image, node: node.name, at: expected.cell, limit: 5 };
    const input = values(node.inputs[0] ?? "");
    const found = cellArithmetic(node, input, values(node.name), parametersOf(node), wish);
    if (!found) throw new Error("no sum");
    expect(found.terms).toHaveLength(6);
    const shown = found.terms.reduce((sum, term) => sum + term.product, 0);
    expect(shown + found.rest).toBeCloseTo(expected.total, 8);
    const largest = found.terms.slice(0, 5).map((term) => Math.abs(term.product));
    expect(largest).toEqual(largest.toSorted((one, other) => other - one));
  });
});

describe("numbers that a file holds once", () => {
  it("are taken from the input wherever the bits say so", () => {
    const bits = new Uint32Array([0x7fc05a3e, 0, 0x3f800000, 0x7fc05a3e]);
    const values = new Float32Array(bits.buffer);
    expect([...taken(values, Float32Array.of(0.5, -1, 2, -0.25))]).toEqual([0.5, 0, 1, -0.25]);
  });
});
