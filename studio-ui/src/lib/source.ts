/** Where the page's numbers come from: a server, or what a file carries. */
import type { AtlasAnswer, ValuesAnswer } from "./binary";
import type {
  Arithmetic,
  Comparison,
  Curve,
  Edit,
  FieldBox,
  Health,
  Heat,
  ImageInfo,
  Mistakes,
  ModelInfo,
  Proof,
  Sandbox,
  SandboxWish,
  State,
  TargetWish,
  TopPatch,
  TrainState,
  TrainWish,
  Update,
  What,
  WhatIf,
} from "./messages";

export interface OverviewWish {
  model: string;
  image: string;
  what: What;
  target?: TargetWish;
  edits?: Edit[];
  channels?: number;
}

/** Another model beside a pass. */
export interface BesideWish {
  one: string;
  model: string;
  image: string;
  difference?: boolean;
  channels?: number;
}

export interface CellWish {
  trace: string;
  node: string;
  at: number[];
  limit: number;
  /** Only the terms of this input channel. */
  channel?: number;
}

export interface GradientWish {
  trace: string;
  node?: string;
  parameter?: string;
  at: number[];
  target: TargetWish;
  limit: number;
}

export interface ProofWish {
  trace: string;
  node?: string;
  parameter?: string;
  at: number[];
  gradient: boolean;
  target?: TargetWish;
}

export interface HeatWish {
  trace: string;
  method: string;
  target: TargetWish;
  layer?: string;
  sanity?: boolean;
}

/** A running training: wishes go in, states come out. */
export interface TrainingLine {
  send(wish: TrainWish): void;
  close(): void;
}

/** A question that was refused, in the server's words. */
export class Refusal extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

export interface Source {
  /** Whether there is a library behind it: edits, training, new images. */
  readonly live: boolean;
  state(): Promise<State>;
  openModel(source: string): Promise<ModelInfo>;
  uploadModel(file: File): Promise<ModelInfo>;
  addImage(model: string, name: string, file: Blob): Promise<ImageInfo>;
  addImageFrom(model: string, url: string): Promise<ImageInfo>;
  pictureUrl(model: string, image: string): string;
  parameter(model: string, name: string): Promise<ValuesAnswer>;
  overview(wish: OverviewWish, signal?: AbortSignal): Promise<AtlasAnswer>;
  moment(model: string, step: number): Promise<ModelInfo>;
  beside(wish: BesideWish, signal?: AbortSignal): Promise<AtlasAnswer>;
  comparison(wish: BesideWish): Promise<Comparison>;
  maps(trace: string, node: string, channels: number[]): Promise<AtlasAnswer>;
  values(trace: string, node: string, what: What, channel?: number): Promise<ValuesAnswer>;
  partials(trace: string, node: string, channel: number, limit: number): Promise<AtlasAnswer>;
  curve(model: string, node: string, channel: number, low: number, high: number): Promise<Curve>;
  arithmetic(wish: CellWish, signal?: AbortSignal): Promise<Arithmetic>;
  gradientArithmetic(wish: GradientWish): Promise<Arithmetic>;
  update(trace: string, parameter: string, at: number[], target: TargetWish): Promise<Update>;
  prove(wish: ProofWish): Promise<Proof>;
  whatIf(trace: string, edits: Edit[]): Promise<WhatIf>;
  attribution(wish: HeatWish): Promise<Heat>;
  field(trace: string, node: string, at: number[], heat: boolean, signal?: AbortSignal): Promise<FieldBox>;
  health(model: string): Promise<Health>;
  sandbox(wish: SandboxWish): Promise<Sandbox>;
  top(model: string, node: string, channel: number, count: number): Promise<TopPatch[]>;
  mistakes(model: string): Promise<Mistakes>;
  exportFile(model: string, images: string[], language: string): Promise<Blob>;
  training(listen: (state: TrainState) => void, closed: () => void): TrainingLine;
}
