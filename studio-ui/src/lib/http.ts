/** The server's answers, over HTTP and one WebSocket. */
import { readAtlas, readValues, type AtlasAnswer, type ValuesAnswer } from "./binary";
import type * as messages from "./messages";
import {
  Refusal,
  type CellWish,
  type GradientWish,
  type HeatWish,
  type OverviewWish,
  type ProofWish,
  type Source,
  type TrainingLine,
} from "./source";

export class HttpSource implements Source {
  readonly live = true;

  constructor(
    private readonly token: string,
    private readonly root = "",
  ) {}

  private async ask(path: string, init: RequestInit = {}): Promise<Response> {
    const response = await fetch(`${this.root}/api/${path}`, {
      ...init,
      headers: { ...init.headers, "X-Token": this.token },
    });
    if (response.ok) return response;
    const words = await response.text();
    throw new Refusal(problemOf(words) ?? `${response.status} ${response.statusText}`, response.status);
  }

  private post(path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
    return this.ask(path, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "Content-Type": "application/json" },
      signal: signal ?? null,
    });
  }

  private async json<Answer>(path: string, body: unknown, signal?: AbortSignal): Promise<Answer> {
    return (await (await this.post(path, body, signal)).json()) as Answer;
  }

  private async atlas(path: string, body: unknown, signal?: AbortSignal): Promise<AtlasAnswer> {
    return readAtlas(await (await this.post(path, body, signal)).arrayBuffer());
  }

  async state(): Promise<messages.State> {
    return (await (await this.ask("state")).json()) as messages.State;
  }

  openModel(source: string): Promise<messages.ModelInfo> {
    return this.json("models", { source });
  }

  async uploadModel(file: File): Promise<messages.ModelInfo> {
    const path = `models/upload?name=${encodeURIComponent(file.name)}`;
    return (await (await this.ask(path, { method: "POST", body: file })).json()) as messages.ModelInfo;
  }

  async addImage(model: string, name: string, file: Blob): Promise<messages.ImageInfo> {
    const path = `models/${model}/images?name=${encodeURIComponent(name)}`;
    return (await (await this.ask(path, { method: "POST", body: file })).json()) as messages.ImageInfo;
  }

  addImageFrom(model: string, url: string): Promise<messages.ImageInfo> {
    return this.json(`models/${model}/images/url`, { url });
  }

  pictureUrl(model: string, image: string): string {
    const token = encodeURIComponent(this.token);
    return `${this.root}/api/models/${model}/images/${encodeURIComponent(image)}?token=${token}`;
  }

  async parameter(model: string, name: string): Promise<ValuesAnswer> {
    const path = `models/${model}/parameters/${encodeURIComponent(name)}`;
    return readValues(await (await this.ask(path)).arrayBuffer());
  }

  overview(wish: OverviewWish, signal?: AbortSignal): Promise<AtlasAnswer> {
    return this.atlas("overview", wish, signal);
  }

  maps(trace: string, node: string, channels: number[]): Promise<AtlasAnswer> {
    return this.atlas("maps", { trace, node, channels });
  }

  async values(trace: string, node: string, what: messages.What, channel?: number): Promise<ValuesAnswer> {
    return readValues(await (await this.post("values", { trace, node, what, channel })).arrayBuffer());
  }

  partials(trace: string, node: string, channel: number, limit: number): Promise<AtlasAnswer> {
    return this.atlas("partials", { trace, node, channel, limit });
  }

  curve(model: string, node: string, channel: number, low: number, high: number): Promise<messages.Curve> {
    return this.json("curve", { model, node, channel, low, high });
  }

  arithmetic(wish: CellWish, signal?: AbortSignal): Promise<messages.Arithmetic> {
    return this.json("arithmetic", wish, signal);
  }

  gradientArithmetic(wish: GradientWish): Promise<messages.Arithmetic> {
    return this.json("gradient-arithmetic", wish);
  }

  update(
    trace: string,
    parameter: string,
    at: number[],
    target: messages.TargetWish,
  ): Promise<messages.Update> {
    return this.json("update", { trace, parameter, at, target });
  }

  prove(wish: ProofWish): Promise<messages.Proof> {
    return this.json("prove", wish);
  }

  whatIf(trace: string, edits: messages.Edit[]): Promise<messages.WhatIf> {
    return this.json("what-if", { trace, edits });
  }

  attribution(wish: HeatWish): Promise<messages.Heat> {
    return this.json("attribution", wish);
  }

  field(
    trace: string,
    node: string,
    at: number[],
    heat: boolean,
    signal?: AbortSignal,
  ): Promise<messages.FieldBox> {
    return this.json("field", { trace, node, at, heat }, signal);
  }

  health(model: string): Promise<messages.Health> {
    return this.json("health", { model });
  }

  sandbox(wish: messages.SandboxWish): Promise<messages.Sandbox> {
    return this.json("sandbox", wish);
  }

  top(model: string, node: string, channel: number, count: number): Promise<messages.TopPatch[]> {
    return this.json("top", { model, node, channel, count });
  }

  mistakes(model: string): Promise<messages.Mistakes> {
    return this.json("mistakes", { model });
  }

  async exportFile(model: string, images: string[], language: string): Promise<Blob> {
    return (await this.post("export", { model, images, language })).blob();
  }

  training(listen: (state: messages.TrainState) => void, closed: () => void): TrainingLine {
    const place = new URL(`${this.root}/api/training`, location.href);
    place.protocol = place.protocol === "https:" ? "wss:" : "ws:";
    place.searchParams.set("token", this.token);
    const socket = new WebSocket(place);
    const waiting: string[] = [];
    socket.onopen = () => waiting.splice(0).forEach((text) => socket.send(text));
    socket.onmessage = (event) => listen(JSON.parse(String(event.data)) as messages.TrainState);
    socket.onclose = closed;
    return {
      send(wish) {
        const text = JSON.stringify(wish);
        if (socket.readyState === WebSocket.OPEN) socket.send(text);
        else waiting.push(text);
      },
      close: () => socket.close(),
    };
  }
}

function problemOf(words: string): string | null {
  try {
    const problem: unknown = JSON.parse(words);
    if (typeof problem === "object" && problem !== null && "error" in problem) return String(problem.error);
  } catch {
    return null;
  }
  return null;
}
