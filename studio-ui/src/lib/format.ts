/** Numbers and shapes for people. */
import { format } from "d3-format";

const plain = format(".2f");
const fine = format(".2~g");
const exact = format(".6~g");
const grouped = format(",");
const short = format(".3~s");

/** Two decimals where they tell something, else three significant digits; a true minus sign. */
export function value(number: number): string {
  if (!Number.isFinite(number)) return String(number);
  const size = Math.abs(number);
  return size === 0 || (size >= 0.005 && size < 1000) ? plain(number) : fine(number);
}

/** Six digits: what float32 has for certain. */
export function precise(number: number): string {
  return Number.isFinite(number) ? exact(number) : String(number);
}

export function count(number: number): string {
  return grouped(number);
}

export function amount(number: number): string {
  return number < 1000
    ? String(number)
    : short(number).replace("G", " G").replace("k", " k").replace("M", " M");
}

export function bytes(number: number): string {
  if (number < 1024) return `${number} B`;
  return number < 1024 * 1024
    ? `${(number / 1024).toFixed(1)} KiB`
    : `${(number / 1024 / 1024).toFixed(1)} MiB`;
}

export function percent(share: number): string {
  return share > 0 && share < 0.001 ? "<0.1%" : `${(100 * share).toFixed(1)}%`;
}

/** A model by its name and the run that it comes from. */
export function model(one: { name: string; run: string | null }): string {
  return one.run === null ? one.name : `${one.name} · ${one.run}`;
}

/** Height, width, channels are written as the library has them: channels first. */
export function shape(sides: number[]): string {
  return sides.join(" × ");
}

export function cell(name: string, at: number[]): string {
  return `${name}[${at.join(", ")}]`;
}
