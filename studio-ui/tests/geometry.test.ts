import { describe, expect, it } from "vitest";
import { cellAt, outputAt, span, taps } from "../src/lib/geometry";
import type { Axis, NodeInfo } from "../src/lib/messages";

const axis = (change: Partial<Axis>): Axis => ({
  input: 7,
  output: 4,
  kernel: 3,
  stride: 2,
  dilation: 1,
  pad_start: 1,
  pad_end: 1,
  fraction: 1,
  unused: 0,
  ...change,
});

describe("a window", () => {
  it("follows stride and padding", () => {
    expect(taps(axis({}), 0)).toEqual([-1, 0, 1]);
    expect(taps(axis({}), 1)).toEqual([1, 2, 3]);
    expect(taps(axis({}), 3)).toEqual([5, 6, -1]);
    expect(span(axis({}), 1)).toEqual({ start: 1, stop: 4 });
  });

  it("is spread by dilation", () => {
    expect(taps(axis({ stride: 1, dilation: 2, pad_start: 0 }), 1)).toEqual([1, 3, 5]);
  });

  it("meets an input only where zeros do not stand between, when the map is enlarged", () => {
    expect(taps(axis({ stride: 1, fraction: 2, pad_start: 0 }), 1)).toEqual([-1, 1, -1]);
  });

  it("is found from an input cell", () => {
    for (let output = 0; output < 4; output++) expect(outputAt(axis({}), 2 * output)).toBe(output);
    expect(outputAt(axis({}), 100)).toBe(3);
  });
});

describe("a cell", () => {
  const node = (shape: number[]) => ({ shape }) as NodeInfo;
  it("has as many numbers as its node has axes", () => {
    expect(cellAt(node([10]), 0, 0, 4)).toEqual([4]);
    expect(cellAt(node([3, 9]), 2, 0, 4)).toEqual([2, 4]);
    expect(cellAt(node([3, 9, 9]), 2, 5, 4)).toEqual([2, 5, 4]);
  });
});
