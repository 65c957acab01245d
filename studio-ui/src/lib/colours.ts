/** Colour tables of 256 entries: a byte of an atlas becomes a colour by one look-up. */

export type Palette = "signed" | "image" | "weights" | "heat";
export type Rgb = readonly [number, number, number];

/** Corners of each palette from low to high; the signed ones have zero in the middle. */
const CORNERS: Record<Palette, { light: Rgb[]; dark: Rgb[] }> = {
  // ColorBrewer's RdBu, told apart by every kind of colour vision.
  signed: {
    light: [
      [103, 0, 31],
      [178, 24, 43],
      [214, 96, 77],
      [244, 165, 130],
      [253, 219, 199],
      [250, 250, 250],
      [209, 229, 240],
      [146, 197, 222],
      [67, 147, 195],
      [33, 102, 172],
      [5, 48, 97],
    ],
    dark: [
      [255, 190, 160],
      [250, 150, 120],
      [222, 100, 78],
      [160, 60, 50],
      [86, 38, 38],
      [28, 30, 34],
      [28, 52, 80],
      [38, 92, 146],
      [70, 140, 200],
      [125, 185, 232],
      [190, 222, 250],
    ],
  },
  // ColorBrewer's BrBG, so that weights are not taken for activations.
  weights: {
    light: [
      [140, 81, 10],
      [191, 129, 45],
      [223, 194, 125],
      [246, 232, 195],
      [250, 250, 250],
      [199, 234, 229],
      [128, 205, 193],
      [53, 151, 143],
      [1, 102, 94],
    ],
    dark: [
      [245, 205, 120],
      [220, 165, 80],
      [160, 112, 50],
      [84, 62, 36],
      [28, 30, 34],
      [24, 66, 62],
      [35, 120, 112],
      [80, 180, 168],
      [150, 225, 215],
    ],
  },
  image: {
    light: [
      [0, 0, 0],
      [255, 255, 255],
    ],
    dark: [
      [0, 0, 0],
      [255, 255, 255],
    ],
  },
  heat: {
    light: [
      [250, 250, 250],
      [253, 204, 138],
      [227, 74, 51],
      [120, 0, 0],
    ],
    dark: [
      [28, 30, 34],
      [110, 40, 30],
      [222, 100, 60],
      [255, 214, 160],
    ],
  },
};

/** A table of 256 colours, packed as the pixels of an ImageData read them on this machine (RGBA bytes). */
export function colourTable(palette: Palette, dark: boolean): Uint32Array {
  const corners = CORNERS[palette][dark ? "dark" : "light"];
  const bytes = new Uint8ClampedArray(1024);
  for (let entry = 0; entry < 256; entry++) bytes.set([...mixed(corners, entry / 255), 255], 4 * entry);
  return new Uint32Array(bytes.buffer);
}

function mixed(corners: Rgb[], share: number): Rgb {
  const place = share * (corners.length - 1);
  const index = Math.min(Math.floor(place), corners.length - 2);
  const [low, high] = [corners[index] ?? corners[0], corners[index + 1] ?? corners[0]];
  const part = place - index;
  const side = (k: 0 | 1 | 2) => (low?.[k] ?? 0) * (1 - part) + (high?.[k] ?? 0) * part;
  return [side(0), side(1), side(2)];
}

/** The numbers at both ends of a colour table; for signed data symmetric about zero. */
export interface Scale {
  low: number;
  high: number;
  palette: Palette;
}

export function scaleFor(low: number, high: number, palette: Palette): Scale {
  if (palette === "image" || palette === "heat") return { low, high: high > low ? high : low + 1, palette };
  const most = Math.max(Math.abs(low), Math.abs(high)) || 1;
  return { low: -most, high: most, palette };
}

/** The entry of a table for a value. */
export function entryOf(value: number, scale: Scale): number {
  const share = (value - scale.low) / (scale.high - scale.low);
  return Math.min(255, Math.max(0, Math.round(share * 255)));
}

/** A table from a map's bytes (with the map's own range) to colours under a scale. */
export function byteTable(low: number, high: number, scale: Scale, table: Uint32Array): Uint32Array {
  const colours = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    colours[byte] = table[entryOf(low + (byte / 255) * (high - low), scale)] ?? 0;
  }
  return colours;
}

/** A value's colour for CSS. */
export function cssColour(value: number, scale: Scale, table: Uint32Array): string {
  const packed = table[entryOf(value, scale)] ?? 0;
  return `rgb(${packed & 255} ${(packed >> 8) & 255} ${(packed >> 16) & 255})`;
}

const DARK_INK = "#16181c";

/** Near-black or white, whichever stands out more on a value's colour (WCAG's relative luminance). */
export function inkOn(value: number, scale: Scale, table: Uint32Array): string {
  const packed = table[entryOf(value, scale)] ?? 0;
  const luminance =
    0.2126 * linear(packed & 255) +
    0.7152 * linear((packed >> 8) & 255) +
    0.0722 * linear((packed >> 16) & 255);
  const [onWhite, onDark] = [1.05 / (luminance + 0.05), (luminance + 0.05) / 0.0594];
  return onDark > onWhite ? DARK_INK : "#ffffff";
}

function linear(byte: number): number {
  const share = byte / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}
