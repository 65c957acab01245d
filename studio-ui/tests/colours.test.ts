import { describe, expect, it } from "vitest";
import { byteTable, colourTable, entryOf, scaleFor, type Palette } from "../src/lib/colours";

const channels = (packed: number) => [packed & 255, (packed >> 8) & 255, (packed >> 16) & 255];

describe("a scale", () => {
  it("of signed data is symmetric about zero", () => {
    expect(scaleFor(-1, 3, "signed")).toEqual({ low: -3, high: 3, palette: "signed" });
    expect(entryOf(0, scaleFor(-1, 3, "signed"))).toBe(128);
  });

  it("of an image runs from its lowest to its highest", () => {
    expect(scaleFor(0.2, 0.8, "image")).toEqual({ low: 0.2, high: 0.8, palette: "image" });
  });

  it("of nothing but zeros has a width", () => {
    expect(entryOf(0, scaleFor(0, 0, "signed"))).toBe(128);
  });
});

describe.each(["signed", "weights"] satisfies Palette[])("the %s table", (palette) => {
  it.each([false, true])("is the stage's own colour at zero (dark: %s)", (dark) => {
    const middle = channels(colourTable(palette, dark)[128] ?? 0);
    const ground = dark ? 28 : 250;
    for (const channel of middle) expect(Math.abs(channel - ground)).toBeLessThan(8);
  });
});

describe("a table for bytes", () => {
  it("gives a byte the colour of the value that it stands for", () => {
    const table = colourTable("signed", false);
    const scale = scaleFor(-2, 2, "signed");
    const colours = byteTable(0, 2, scale, table);
    expect(colours[0]).toBe(table[128]);
    expect(colours[255]).toBe(table[255]);
  });
});
