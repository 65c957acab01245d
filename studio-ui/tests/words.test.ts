import { describe, expect, it } from "vitest";
import { filled, preferredLanguage, WORDS } from "../src/lib/i18n";
import * as format from "../src/lib/format";

describe("the words", () => {
  it("name the same parts in every language", () => {
    const parts = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]).sort();
    for (const [key, text] of Object.entries(WORDS.en)) {
      expect(parts(WORDS.zh[key as keyof typeof WORDS.en]), key).toEqual(parts(text));
    }
  });

  it("are all translated, names aside", () => {
    const same = Object.entries(WORDS.en).filter(
      ([key, text]) => WORDS.zh[key as keyof typeof WORDS.en] === text,
    );
    expect(same.map(([key]) => key).sort()).toEqual([
      "cellIs",
      "editCell",
      "editWeight",
      "kindSoftmax",
      "title",
    ]);
  });

  it("are filled with their parts", () => {
    expect(filled("{node}, {channel}", { node: "conv1", channel: 3 })).toBe("conv1, 3");
  });

  it("start in the browser's language", () => {
    expect(preferredLanguage(["zh-TW", "en"])).toBe("zh");
    expect(preferredLanguage(["de"])).toBe("en");
  });
});

describe("numbers", () => {
  it.each([
    [0, "0.00"],
    [1.234, "1.23"],
    [-0.5, "−0.50"],
    [0.00012, "0.00012"],
    [12345, "1.2e+4"],
  ])("%d is written %s", (number, text) => {
    expect(format.value(number)).toBe(text);
  });

  it("tells small shares from none", () => {
    expect(format.percent(0)).toBe("0.0%");
    expect(format.percent(0.0002)).toBe("<0.1%");
  });
});
