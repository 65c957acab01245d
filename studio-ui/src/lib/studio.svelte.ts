/** What is open: model, image, numbers, view. Components read it; only its methods change it. */
import { createContext } from "svelte";
import { nameOf, type Compared, type Other } from "./beside";
import type { AtlasAnswer } from "./binary";
import { colourTable, scaleFor, type Palette, type Scale } from "./colours";
import { initiallyFolded, visibleGraph } from "./fold";
import { cellAt, channelCount, mapSides } from "./geometry";
import type { Edit, ImageInfo, ModelInfo, NodeInfo, NodeMaps, State, TargetWish, WhatIf } from "./messages";
import type { Settings } from "./settings.svelte";
import type { Source } from "./source";

export interface Place {
  node: string;
  channel: number;
}

/** An opened map: the cell under the eye, and the input channel whose window is shown, if any. */
export interface Opened extends Place {
  row: number;
  column: number;
  source: number | null;
}

export type Panel =
  "whatIf" | "attribution" | "health" | "cost" | "sandbox" | "top" | "training" | "mistakes" | "compare";

export const CHANNELS = 16;
const MORE = 48;

export class Studio {
  state = $state.raw<State | null>(null);
  model = $state.raw<ModelInfo | null>(null);
  images = $state.raw<ImageInfo[]>([]);
  image = $state<string | null>(null);
  atlas = $state.raw<AtlasAnswer | null>(null);
  gradients = $state.raw<AtlasAnswer | null>(null);
  backward = $state(false);
  target = $state.raw<TargetWish>({});
  edits = $state.raw<Edit[]>([]);
  changes = $state.raw<WhatIf | null>(null);
  hover = $state.raw<Place | null>(null);
  opened = $state.raw<Opened | null>(null);
  /** A weight whose gradient is asked for. */
  weight = $state.raw<{ parameter: string; at: number[] } | null>(null);
  panel = $state<Panel | null>(null);
  folded = $state.raw<ReadonlySet<string>>(new Set());
  more = $state.raw<ReadonlyMap<string, AtlasAnswer>>(new Map());
  busy = $state(false);
  problem = $state<string | null>(null);
  /** The value under the pointer, in words. */
  spoken = $state("");
  /** The model at a moment of its training, which is traced in place of the open one. */
  moment = $state<string | null>(null);

  other = $state.raw<Other | null>(null);
  /** Whether the other's numbers are shown as differences from the stage's. */
  difference = $state(false);
  compared = $state.raw<Compared | null>(null);

  readonly entries = $derived(this.model === null ? [] : visibleGraph(this.model.nodes, this.folded));
  readonly nodes = $derived(new Map((this.model?.nodes ?? []).map((node) => [node.name, node])));
  readonly trace = $derived(this.atlas?.head.trace ?? "");
  readonly tables = $derived.by(() => {
    const dark = this.settings.dark;
    const of = (palette: Palette) => colourTable(palette, dark);
    return { signed: of("signed"), image: of("image"), weights: of("weights"), heat: of("heat") };
  });

  /** What the other model is called. */
  readonly otherName = $derived.by(() => nameOf(this.other, this.state, this.settings.t));

  /** What stands beside every map: the other model's, or the gradient. */
  readonly besides = $derived(this.compared ?? (this.backward ? this.gradients : null));

  /** What gradients are of: the chosen target, or the score of the class that the network finds. */
  readonly gradientTarget = $derived.by((): TargetWish => {
    const classes = this.atlas?.head.classes ?? [];
    const best = classes.reduce((most, one) => Math.max(most, one.probability), 0);
    const found = classes.find((one) => one.probability === best)?.number ?? 0;
    return { loss: this.target.loss ?? false, number: this.target.number ?? found };
  });

  private asking: AbortController | null = null;
  private readonly sameImages = new Map<string, string>();

  constructor(
    readonly source: Source,
    readonly settings: Settings,
  ) {}

  // ---- opening

  async start(): Promise<void> {
    await this.guarded(async () => {
      this.state = await this.source.state();
      const first = this.state.models[0];
      if (first !== undefined) await this.show(first);
    });
  }

  async show(model: ModelInfo, image?: string): Promise<void> {
    this.close();
    this.atlas = this.gradients = null;
    this.edits = [];
    this.changes = null;
    this.more = new Map();
    this.moment = null;
    this.other = this.compared = null;
    this.target = {};
    this.folded = initiallyFolded(model.nodes);
    this.model = model;
    this.images = this.state?.images[model.id] ?? [];
    const chosen = this.images.find((one) => one.id === image) ?? this.images[0];
    this.image = chosen?.id ?? null;
    await this.refresh();
  }

  /** Add a model that was opened and show it. */
  async adopt(opening: Promise<ModelInfo>): Promise<void> {
    await this.guarded(async () => {
      const model = await opening;
      this.state = await this.source.state();
      await this.show(this.state.models.find((one) => one.id === model.id) ?? model);
    });
  }

  async chooseImage(id: string): Promise<void> {
    performance.mark("image-chosen");
    this.image = id;
    await this.refresh();
  }

  /** Add an image that was uploaded or drawn and show it. */
  async adoptImage(adding: Promise<ImageInfo>): Promise<void> {
    performance.mark("image-given");
    await this.guarded(async () => {
      const image = await adding;
      this.images = [...this.images.filter((one) => one.id !== image.id), image];
      await this.chooseImage(image.id);
    });
  }

  // ---- numbers

  async refresh(): Promise<void> {
    const { model, image } = this;
    if (model === null || image === null) return;
    this.asking?.abort();
    const asking = (this.asking = new AbortController());
    await this.guarded(async () => {
      const shown = this.moment === null ? image : await this.imageInMoment(this.moment, image);
      const wish = {
        model: this.moment ?? model.id,
        image: shown,
        edits: this.edits,
        channels: CHANNELS,
      };
      const atlas = await this.source.overview({ ...wish, what: "activation" }, asking.signal);
      const compared = await this.askBeside(atlas.head.trace, image, shown, asking.signal);
      this.more = new Map();
      this.atlas = atlas;
      this.compared = compared;
      this.gradients = this.backward
        ? await this.source.overview({ ...wish, what: "gradient", target: this.target }, asking.signal)
        : null;
    });
  }

  private async askBeside(
    one: string,
    image: string,
    shown: string,
    signal: AbortSignal,
  ): Promise<Compared | null> {
    const { other, difference, otherName: name } = this;
    if (other === null) return null;
    const own = other.step === null ? await this.imageInMoment(other.model, image) : shown;
    const wish = { one, model: other.model, image: own, difference, channels: CHANNELS };
    return { ...(await this.source.beside(wish, signal)), name };
  }

  /** Put another model beside the one on the stage; null takes it away. */
  async compare(other: Other | null, difference = this.difference): Promise<void> {
    this.other = other;
    this.difference = difference;
    if (other !== null) this.backward = false;
    await this.refresh();
  }

  /** Put the model on the stage beside what it was at a step of its run. */
  async compareWithMoment(step: number, difference = this.difference): Promise<void> {
    await this.guarded(async () => {
      const then = await this.source.moment(this.moment ?? this.model?.id ?? "", step);
      await this.compare({ model: then.id, name: then.name, step }, difference);
    });
  }

  async setBackward(on: boolean, target: TargetWish = this.target): Promise<void> {
    this.backward = on;
    if (on) this.other = null;
    this.target = target;
    this.weight = null;
    await this.refresh();
  }

  /** Show the model as training left it, or the open one again. */
  async showMoment(model: string | null): Promise<void> {
    this.moment = model;
    await this.refresh();
  }

  /** The same image among those of the model in training, which has its own. */
  private async imageInMoment(moment: string, image: string): Promise<string> {
    const key = `${moment} ${image}`;
    const known = this.sameImages.get(key);
    if (known !== undefined) return known;
    const wanted = this.images.find((one) => one.id === image);
    const others = (await this.source.state()).images[moment] ?? [];
    let found = others.find((one) => one.name === wanted?.name)?.id;
    if (found === undefined) {
      const picture = await fetch(this.source.pictureUrl(this.model?.id ?? "", image));
      found = (await this.source.addImage(moment, wanted?.name ?? "image.png", await picture.blob())).id;
    }
    this.sameImages.set(key, found);
    return found;
  }

  /** More of a node's channels than the strongest. */
  async showMore(name: string): Promise<void> {
    const node = this.nodes.get(name);
    if (node === undefined) return;
    const shown = this.mapsOf(name)?.maps.maps.map((map) => map.channel) ?? [];
    const others = Array.from({ length: channelCount(node) }, (_, channel) => channel).filter(
      (channel) => !shown.includes(channel),
    );
    const wanted = [...shown, ...others.slice(0, MORE)].sort((one, other) => one - other);
    await this.guarded(async () => {
      const answer = await this.source.maps(this.trace, name, wanted);
      this.more = new Map(this.more).set(name, answer);
    });
  }

  mapsOf(name: string): { answer: AtlasAnswer; maps: NodeMaps } | null {
    const answer = this.more.get(name) ?? this.atlas;
    const maps = answer?.byNode.get(name);
    return answer && maps ? { answer, maps } : null;
  }

  besideOf(name: string): { answer: AtlasAnswer; maps: NodeMaps } | null {
    const maps = this.besides?.byNode.get(name);
    return this.besides && maps ? { answer: this.besides, maps } : null;
  }

  channels(name: string): number[] {
    return this.mapsOf(name)?.maps.maps.map((map) => map.channel) ?? [];
  }

  // ---- colours

  /** The scale of one map's colours, by the chosen scope; what is compared shares it. */
  scale(node: NodeInfo, maps: NodeMaps, index: number, beside = false): Scale {
    const own = beside && (this.compared === null || this.difference);
    const palette: Palette = node.kind === "input" && !node.signed && !own ? "image" : "signed";
    const channel = maps.maps[index]?.channel;
    const shared = own ? [maps] : [this.mapsOf(node.name)?.maps ?? maps, ...this.comparable(node.name)];
    const ranges =
      this.settings.scope === "map"
        ? shared.flatMap((one) => one.maps.filter((map) => map.channel === channel))
        : this.settings.scope === "net" && palette !== "image"
          ? this.netRanges(own)
          : shared;
    const low = ranges.reduce((least, range) => Math.min(least, range.low), Infinity);
    const high = ranges.reduce((most, range) => Math.max(most, range.high), -Infinity);
    return low <= high ? scaleFor(low, high, palette) : scaleFor(maps.low, maps.high, palette);
  }

  /** The maps of the other model, where they are numbers of the same kind. */
  private comparable(name: string): NodeMaps[] {
    const maps = this.difference ? undefined : this.compared?.byNode.get(name);
    return maps ? [maps] : [];
  }

  private netRanges(beside: boolean): { low: number; high: number }[] {
    const answers = beside ? [this.besides] : [this.atlas, this.difference ? null : this.compared];
    return answers
      .flatMap((answer) => answer?.head.nodes ?? [])
      .filter((maps) => this.nodes.get(maps.node)?.kind !== "input");
  }

  // ---- views

  open(node: string, channel: number): void {
    const info = this.nodes.get(node);
    if (info === undefined) return;
    const { height, width } = mapSides(info.shape);
    const vector = info.shape.length <= 1;
    const [row, column] = vector
      ? [0, Math.min(channel, width - 1)]
      : [Math.floor(height / 2), Math.floor(width / 2)];
    if (this.folded.has(info.fold)) this.unfold(info.fold);
    this.weight = null;
    this.opened = { node, channel: vector ? 0 : channel, row, column, source: null };
  }

  /** The cell under the eye, as the library counts it. */
  readonly cell = $derived.by(() => {
    const node = this.opened && this.nodes.get(this.opened.node);
    if (!this.opened || !node) return [];
    return cellAt(node, this.opened.channel, this.opened.row, this.opened.column);
  });

  moveTo(row: number, column: number): void {
    const node = this.opened && this.nodes.get(this.opened.node);
    if (!this.opened || !node) return;
    const { height, width } = mapSides(node.shape);
    this.opened = {
      ...this.opened,
      row: Math.min(Math.max(row, 0), height - 1),
      column: Math.min(Math.max(column, 0), width - 1),
    };
  }

  openSource(source: number | null): void {
    if (this.opened) this.opened = { ...this.opened, source };
  }

  /** One level back; false where there is none. */
  back(): boolean {
    if (this.weight !== null) this.weight = null;
    else if (this.opened?.source != null) this.openSource(null);
    else if (this.opened !== null) this.opened = null;
    else if (this.panel !== null) this.panel = null;
    else return false;
    return true;
  }

  close(): void {
    this.weight = null;
    this.opened = null;
    this.hover = null;
  }

  unfold(block: string): void {
    this.folded = new Set([...this.folded].filter((name) => name !== block));
  }

  fold(block: string): void {
    this.close();
    this.folded = new Set([...this.folded, block]);
  }

  // ---- what if

  async edit(edits: Edit[]): Promise<void> {
    this.edits = edits;
    await this.guarded(async () => {
      if (edits.length === 0) {
        this.changes = null;
        return;
      }
      this.changes = await this.source.whatIf(this.trace, edits);
    });
    await this.refresh();
  }

  // ---- problems

  /** Do something that may be refused; what a newer question replaced is not a problem. */
  async guarded(work: () => Promise<void>): Promise<void> {
    this.busy = true;
    this.problem = null;
    try {
      await work();
    } catch (error) {
      if (!(error instanceof DOMException && error.name === "AbortError")) {
        this.problem = error instanceof Error ? error.message : String(error);
      }
    } finally {
      this.busy = false;
    }
  }
}

const [studioOf, setStudio] = createContext<Studio>();
export { studioOf, setStudio };
