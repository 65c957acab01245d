/** The numbers that an opened map needs: its cell's sum, its values and those of one of its inputs. */
import type { ValuesAnswer } from "../lib/binary";
import { scaleFor, type Scale } from "../lib/colours";
import { channelCount, isVector, mapSides, outputAt, placeOf, span } from "../lib/geometry";
import { loaded } from "../lib/loaded.svelte";
import type { NodeInfo } from "../lib/messages";
import type { Studio } from "../lib/studio.svelte";

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export class CellView {
  constructor(
    private readonly studio: Studio,
    private readonly of: () => NodeInfo,
    private readonly limit: () => number,
  ) {}

  readonly node = $derived.by(() => this.of());
  readonly sum = loaded((signal) => {
    const { trace, cell, opened } = this.studio;
    if (trace === "" || cell.length === 0) return null;
    const channel = opened?.source ?? undefined;
    const wish = { trace, node: this.of().name, at: [...cell], limit: this.limit() };
    return this.studio.source.arithmetic(channel === undefined ? wish : { ...wish, channel }, signal);
  });

  /** The input that is shown: the only one, or the one of the largest term. */
  readonly inputName = $derived.by(() => {
    const inputs = this.of().inputs;
    if (inputs.length <= 1) return inputs[0] ?? "";
    const largest = this.sum.value?.terms.find(
      (term) => term.source !== null && inputs.includes(term.source),
    );
    return largest?.source ?? inputs[0] ?? "";
  });
  readonly input = $derived.by(() => this.studio.nodes.get(this.inputName) ?? null);
  readonly inputChannel = $derived.by(() => {
    const { opened } = this.studio;
    if (!opened || !this.input || isVector(this.input)) return 0;
    if (opened.source !== null) return opened.source;
    const own = this.of().shape;
    if (channelCount(this.input) === own[0] && own.length === this.input.shape.length) return opened.channel;
    return this.sum.value?.terms.find((term) => term.source === this.inputName)?.cell[0] ?? 0;
  });

  readonly inputValues = loaded(() => this.valuesOf(this.input, this.inputChannel));
  readonly outputValues = loaded(() => this.valuesOf(this.of(), this.studio.opened?.channel ?? 0));

  private valuesOf(node: NodeInfo | null, channel: number): Promise<ValuesAnswer> | null {
    if (!node || this.studio.trace === "") return null;
    const one = isVector(node) ? undefined : channel;
    return this.studio.source.values(this.studio.trace, node.name, "activation", one);
  }

  scaleOf(node: NodeInfo | null, channel: number): Scale {
    const found = node && this.studio.mapsOf(node.name);
    if (!node || !found) return scaleFor(-1, 1, "signed");
    const index = found.maps.maps.findIndex((map) => map.channel === channel);
    return this.studio.scale(node, found.maps, Math.max(0, index));
  }

  readonly inputSides = $derived.by(() => mapSides(this.input?.shape ?? [1]));
  readonly outputSides = $derived.by(() => mapSides(this.of().shape));

  /** What the cell sees of its input, in the input's cells. */
  readonly inputBox = $derived.by((): Box | null => {
    const { opened } = this.studio;
    const axes = this.of().axes ?? [];
    if (!opened) return null;
    const [first, second] = axes;
    if (first && second) {
      const [down, across] = [span(first, opened.row), span(second, opened.column)];
      return {
        x: across.start,
        y: down.start,
        width: across.stop - across.start,
        height: down.stop - down.start,
      };
    }
    if (first) {
      const across = span(first, opened.column);
      return { x: across.start, y: 0, width: across.stop - across.start, height: 1 };
    }
    if (String(this.input?.shape) === String(this.of().shape) && this.of().kind !== "dense") {
      return { x: opened.column, y: opened.row, width: 1, height: 1 };
    }
    const term = this.sum.value?.terms.find((one) => one.source === this.inputName);
    if (!term) return null;
    const at = placeOf(term.cell);
    return { x: at.column, y: at.row, width: 1, height: 1 };
  });
  readonly outputBox = $derived.by((): Box | null => {
    const { opened } = this.studio;
    return opened ? { x: opened.column, y: opened.row, width: 1, height: 1 } : null;
  });

  /** Go to the output cell that looks at an input cell. */
  lookFrom(row: number, column: number): void {
    const [first, second] = this.of().axes ?? [];
    if (first && second) this.studio.moveTo(outputAt(first, row), outputAt(second, column));
    else if (first) this.studio.moveTo(0, outputAt(first, column));
    else if (String(this.input?.shape) === String(this.of().shape)) this.studio.moveTo(row, column);
  }
}
