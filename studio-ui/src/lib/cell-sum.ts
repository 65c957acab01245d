/** The products and the sum of the one cell under the eye, for pages without a server. */
import type { AtlasAnswer, ValuesAnswer } from "./binary";
import { connectionAt, mapSides, taps } from "./geometry";
import type { Arithmetic, Atlas, Axis, MapRange, NodeInfo, Partial, Term } from "./messages";
import type { CellWish } from "./source";

type Parameters = Map<string, ValuesAnswer>;

const TOLERANCE = 1e-5;

/** The sum behind a cell, or null where the layer is none of those whose sum is plain. */
export function cellArithmetic(
  node: NodeInfo,
  input: ValuesAnswer,
  output: ValuesAnswer,
  parameters: Parameters,
  wish: CellWish,
): Arithmetic | null {
  const found = termsOf(node, input, parameters, wish.at);
  if (found === null) return null;
  const engine = output.values[flatIndex(output.head.shape, wish.at)] ?? NaN;
  const total = sumOf(found.terms.map((term) => term.product));
  const value =
    found.winner !== null ? (found.terms[found.winner]?.product ?? NaN) : found.applied ? engine : total;
  const magnitude = sumOf(found.terms.map((term) => Math.abs(term.product)));
  const tolerance = TOLERANCE * (magnitude + (found.applied ? Math.abs(value) : 0));
  const asked = found.terms.filter((term) => wish.channel === undefined || term.cell[0] === wish.channel);
  const { shown, rest, restCount } = found.winner === null ? limited(asked, wish.limit) : whole(asked);
  return {
    title: `${node.name}[${wish.at.join(", ")}]`,
    node: node.name,
    cell: wish.at,
    formula: node.formula,
    function: found.applied ? node.formula : "",
    terms: shown,
    rest,
    rest_count: restCount,
    partials: partialsOf(found.terms),
    winner: found.winner,
    total: found.winner === null ? total : value,
    value,
    engine,
    difference: engine - value,
    tolerance,
    agrees: Math.abs(engine - value) <= tolerance,
    text: "",
    latex: "",
  };
}

interface Found {
  terms: Term[];
  winner: number | null;
  /** Whether a function makes the value of the total. */
  applied: boolean;
}

function termsOf(node: NodeInfo, input: ValuesAnswer, parameters: Parameters, at: number[]): Found | null {
  const weight = parameters.get(`${node.name}.weight`);
  const bias = parameters.get(`${node.name}.bias`);
  if (node.kind === "convolution" && weight && node.axes && isPlain(node, input, weight)) {
    return { terms: windowTerms(node, node.axes, input, weight, bias, at), winner: null, applied: false };
  }
  if (node.kind === "dense" && weight) {
    return { terms: rowTerms(node, input, weight, bias, at), winner: null, applied: false };
  }
  if (node.kind === "pooling" && node.axes && node.axes.length === input.head.shape.length - 1) {
    return pooled(node, node.axes, input, parameters, at);
  }
  if (node.kind === "activation" && String(node.shape) === String(input.head.shape) && weight === undefined) {
    return { terms: [alone(node, input, at)], winner: null, applied: true };
  }
  return null;
}

function isPlain(node: NodeInfo, input: ValuesAnswer, weight: ValuesAnswer): boolean {
  const zeros = (node.settings["padding_mode"] ?? "zeros") === "zeros";
  const straight = node.axes?.every((axis) => axis.fraction === 1) ?? false;
  const rank = input.head.shape.length + (node.connections ? 0 : 1);
  return zeros && straight && weight.head.shape.length === rank;
}

/** Every window position with the input cell beneath it, padding left out. */
function windowCells(axes: Axis[], at: number[]): { tap: number[]; place: number[] }[] {
  let cells: { tap: number[]; place: number[] }[] = [{ tap: [], place: [] }];
  axes.forEach((axis, index) => {
    const seen = taps(axis, at[index + 1] ?? 0);
    cells = cells.flatMap((cell) =>
      seen.flatMap((position, tap) =>
        position < 0 ? [] : [{ tap: [...cell.tap, tap], place: [...cell.place, position] }],
      ),
    );
  });
  return cells;
}

function windowTerms(
  node: NodeInfo,
  axes: Axis[],
  input: ValuesAnswer,
  weight: ValuesAnswer,
  bias: ValuesAnswer | undefined,
  at: number[],
): Term[] {
  const channel = at[0] ?? 0;
  const cells = windowCells(axes, at);
  const terms = kernelsOf(node, weight, channel).flatMap(({ source, lead }) =>
    cells.map(({ tap, place }) => product(node, input, weight, [source, ...place], [...lead, ...tap])),
  );
  return [...terms, ...biasTerm(node, bias, channel)];
}

/** The input channels that an output channel sees, each with its kernel's place in the weight array. */
function kernelsOf(
  node: NodeInfo,
  weight: ValuesAnswer,
  channel: number,
): { source: number; lead: number[] }[] {
  const table = node.connections;
  if (table) {
    return (table[channel] ?? []).map((source) => ({ source, lead: [connectionAt(table, channel, source)] }));
  }
  const perGroup = weight.head.shape[1] ?? 1;
  const group = Math.floor((channel * node.groups) / (weight.head.shape[0] ?? 1));
  return Array.from({ length: perGroup }, (_, k) => ({ source: group * perGroup + k, lead: [channel, k] }));
}

function rowTerms(
  node: NodeInfo,
  input: ValuesAnswer,
  weight: ValuesAnswer,
  bias: ValuesAnswer | undefined,
  at: number[],
): Term[] {
  const unit = at[at.length - 1] ?? 0;
  const lead = at.slice(0, -1);
  const terms = Array.from({ length: weight.head.shape[1] ?? 0 }, (_, k) =>
    product(node, input, weight, [...lead, k], [unit, k]),
  );
  return [...terms, ...biasTerm(node, bias, unit)];
}

function product(
  node: NodeInfo,
  input: ValuesAnswer,
  weight: ValuesAnswer,
  cell: number[],
  weightCell: number[],
): Term {
  const x = input.values[flatIndex(input.head.shape, cell)] ?? NaN;
  const w = weight.values[flatIndex(weight.head.shape, weightCell)] ?? NaN;
  return {
    source: node.inputs[0] ?? null,
    cell,
    input: x,
    weight_name: `${node.name}.weight`,
    weight_cell: weightCell,
    weight: w,
    product: x * w,
  };
}

function biasTerm(node: NodeInfo, bias: ValuesAnswer | undefined, unit: number): Term[] {
  if (bias === undefined) return [];
  const value = bias.values[unit] ?? NaN;
  const name = `${node.name}.bias`;
  return [
    {
      source: null,
      cell: [],
      input: null,
      weight_name: name,
      weight_cell: [unit],
      weight: value,
      product: value,
    },
  ];
}

function alone(node: NodeInfo, input: ValuesAnswer, cell: number[]): Term {
  const value = input.values[flatIndex(input.head.shape, cell)] ?? NaN;
  const source = node.inputs[0] ?? null;
  return { source, cell, input: value, weight_name: null, weight_cell: [], weight: null, product: value };
}

function pooled(
  node: NodeInfo,
  axes: Axis[],
  input: ValuesAnswer,
  parameters: Parameters,
  at: number[],
): Found | null {
  const channel = at[0] ?? 0;
  const cells = windowCells(axes, at).map(({ place }) => alone(node, input, [channel, ...place]));
  if (node.formula.includes("= max")) {
    const values = cells.map((term) => term.product);
    const winner = values.indexOf(Math.max(...values));
    const terms = cells.map((term, k) => (k === winner ? term : { ...term, product: 0 }));
    return { terms, winner, applied: false };
  }
  const weighted = (name: string, weight: number): Term[] =>
    cells.map((term) => ({ ...term, weight_name: name, weight, product: term.product * weight }));
  const learned = parameters.get(`${node.name}.coefficient`);
  if (learned) {
    const terms = weighted(`${node.name}.coefficient`, learned.values[channel] ?? NaN);
    const bias = biasTerm(node, parameters.get(`${node.name}.bias`), channel);
    return { terms: [...terms, ...bias], winner: null, applied: false };
  }
  const padded = axes.some((axis) => axis.pad_start + axis.pad_end > 0);
  if (padded || !node.formula.includes("= 1/")) return null;
  const share = 1 / axes.reduce((size, axis) => size * axis.kernel, 1);
  return { terms: weighted("share", share), winner: null, applied: false };
}

function whole(terms: Term[]): { shown: Term[]; rest: number; restCount: number } {
  return { shown: terms, rest: 0, restCount: 0 };
}

/** The largest terms, the bias always. */
function limited(terms: Term[], limit: number): { shown: Term[]; rest: number; restCount: number } {
  const bias = terms.filter((term) => term.source === null);
  const others = terms.filter((term) => term.source !== null);
  if (others.length <= limit) return whole(terms);
  others.sort((one, other) => Math.abs(other.product) - Math.abs(one.product));
  const left = others.slice(limit);
  return {
    shown: [...others.slice(0, limit), ...bias],
    rest: sumOf(left.map((term) => term.product)),
    restCount: left.length,
  };
}

function partialsOf(terms: Term[]): Partial[] {
  const sums = new Map<number, Partial>();
  for (const term of terms) {
    if (term.source === null || term.cell.length < 2) continue;
    const channel = term.cell[0] ?? 0;
    const partial = sums.get(channel) ?? { source: term.source, channel, sum: 0 };
    partial.sum += term.product;
    sums.set(channel, partial);
  }
  return [...sums.values()];
}

export function sumOf(numbers: number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

export function flatIndex(shape: number[], cell: number[]): number {
  return cell.reduce((index, place, axis) => index * (shape[axis] ?? 1) + place, 0);
}

/** What each input channel alone gives to every cell of a map, by its number; none where no sum is plain. */
export function partialSums(
  node: NodeInfo,
  input: ValuesAnswer,
  parameters: Parameters,
  channel: number,
): Map<number, Float64Array> {
  const weight = parameters.get(`${node.name}.weight`);
  const axes = node.axes;
  if (!weight || !axes || !isPlain(node, input, weight)) return new Map();
  const kernels = kernelsOf(node, weight, channel);
  const inside = weight.head.shape.slice(-axes.length);
  const taken = kernels.map(({ lead }) => flatIndex(weight.head.shape, [...lead, ...inside.map(() => 0)]));
  const sides = input.head.shape.slice(1);
  const size = sides.reduce((product, side) => product * side, 1);
  const { height, width } = mapSides(node.shape);
  const sums = kernels.map(() => new Float64Array(height * width));
  for (let k = 0; k < height * width; k++) {
    const place = axes.length > 1 ? [Math.floor(k / width), k % width] : [k];
    for (const seen of windowCells(axes, [channel, ...place])) {
      const [cell, tap] = [flatIndex(sides, seen.place), flatIndex(inside, seen.tap)];
      kernels.forEach(({ source }, index) => {
        const x = input.values[source * size + cell] ?? NaN;
        const sum = sums[index];
        if (sum) sum[k] = (sum[k] ?? 0) + x * (weight.values[(taken[index] ?? 0) + tap] ?? NaN);
      });
    }
  }
  return new Map(kernels.map(({ source }, index) => [source, sums[index] as Float64Array]));
}

/** The same as an atlas. */
export function partialMaps(
  node: NodeInfo,
  input: ValuesAnswer,
  parameters: Parameters,
  channel: number,
  limit: number,
): AtlasAnswer {
  return packed(node, partialSums(node, input, parameters, channel), mapSides(node.shape), limit);
}

function packed(
  node: NodeInfo,
  sums: Map<number, Float64Array>,
  size: { height: number; width: number },
  limit: number,
): AtlasAnswer {
  const strength = (map: Float64Array) => map.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const strongest = [...sums].sort(([, one], [, other]) => strength(other) - strength(one)).slice(0, limit);
  strongest.sort(([one], [other]) => one - other);
  const bytes = new Uint8Array(strongest.length * size.height * size.width);
  const maps: MapRange[] = strongest.map(([channel, map], index) => {
    const [low, high] = [Math.min(...map), Math.max(...map)];
    map.forEach((value, k) => {
      bytes[index * map.length + k] = high > low ? Math.round(((value - low) / (high - low)) * 255) : 0;
    });
    return { channel, low, high };
  });
  const low = Math.min(...maps.map((map) => map.low));
  const high = Math.max(...maps.map((map) => map.high));
  const nodes = [{ node: node.name, offset: 0, ...size, total: sums.size, low, high, maps }];
  const head: Atlas = {
    trace: "",
    model: "",
    image: "",
    what: "activation",
    j: null,
    nodes,
    classes: [],
    milliseconds: 0,
  };
  return { head, bytes, byNode: new Map(nodes.map((entry) => [entry.node, entry])) };
}
