import { describe, expect, it } from "vitest";
import { mapBytes, readValues } from "../src/lib/binary";
import { atlasOf, embedded, NETWORKS, valuesOf } from "./fixture";

describe.each(NETWORKS)("the atlas of %s", (network) => {
  const data = embedded(network);
  const image = data.state.images[network]?.[0]?.id ?? "";
  const atlas = atlasOf(data.atlases[image] ?? "");

  it("gives every value back to half a step of its range", () => {
    for (const maps of atlas.head.nodes) {
      const { values } = valuesOf(data.values[`${image} ${maps.node}`] ?? "");
      const size = maps.height * maps.width;
      maps.maps.forEach((map, index) => {
        const bytes = mapBytes(atlas, maps, index);
        expect(bytes).toHaveLength(size);
        const step = (map.high - map.low) / 255;
        for (let k = 0; k < size; k += 31) {
          const value = values[map.channel * size + k] ?? NaN;
          expect(Math.abs(map.low + (bytes[k] ?? 0) * step - value)).toBeLessThanOrEqual(
            step * 0.5001 + 1e-12,
          );
        }
      });
    }
  });
});

describe("float values", () => {
  it("are read behind a head that is padded to a multiple of four", () => {
    const head = new TextEncoder().encode('{"node":"a","what":"activation","shape":[2]}   ');
    const buffer = new ArrayBuffer(4 + head.length + 8);
    new DataView(buffer).setUint32(0, head.length, true);
    new Uint8Array(buffer, 4).set(head);
    const view = new DataView(buffer);
    view.setFloat32(4 + head.length, 1.5, true);
    view.setFloat32(8 + head.length, -2, true);
    expect([...readValues(buffer).values]).toEqual([1.5, -2]);
  });
});
