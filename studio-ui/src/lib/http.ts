/** The server's answers, over HTTP and one WebSocket. */
import { Answers } from "./answers";
import { readAtlas, readValues, type AtlasAnswer, type ValuesAnswer } from "./binary";
import type * as messages from "./messages";
import {
  Refusal,
  type BesideWish,
  type CellWish,
  type OverviewWish,
  type Source,
  type TrainingLine,
} from "./source";

export class HttpSource extends Answers implements Source {
  readonly live = true;

  constructor(
    private readonly token: string,
    private readonly root = "",
  ) {
    super();
  }

  private async ask(path: string, init: RequestInit = {}): Promise<Response> {
    const response = await fetch(`${this.root}/api/${path}`, {
      ...init,
      headers: { ...init.headers, "X-Token": this.token },
    }).catch((error: unknown) => {
      if (error instanceof TypeError)
        throw new Refusal("the server does not answer: is it still running?", 0);
      throw error;
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

  protected async answer<Answer>(path: string, body: object, signal?: AbortSignal): Promise<Answer> {
    return (await (await this.post(path, body, signal)).json()) as Answer;
  }

  private async atlas(path: string, body: unknown, signal?: AbortSignal): Promise<AtlasAnswer> {
    return readAtlas(await (await this.post(path, body, signal)).arrayBuffer());
  }

  async state(): Promise<messages.State> {
    return (await (await this.ask("state")).json()) as messages.State;
  }

  openModel(source: string): Promise<messages.ModelInfo> {
    return this.answer("models", { source });
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
    return this.answer(`models/${model}/images/url`, { url });
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

  beside(wish: BesideWish, signal?: AbortSignal): Promise<AtlasAnswer> {
    return this.atlas("beside", wish, signal);
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

  arithmetic(wish: CellWish, signal?: AbortSignal): Promise<messages.Arithmetic> {
    return this.answer("arithmetic", wish, signal);
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
