/** The answers of the library itself, by whatever way requests reach it. */
import { Answers } from "./answers";
import { readAtlas, readValues, type AtlasAnswer, type ValuesAnswer } from "./binary";
import type * as messages from "./messages";
import { Refusal, type CellWish, type OverviewWish, type Source, type TrainingLine } from "./source";

/** What is asked: JSON as text, or the bytes of a file. */
export interface Wish {
  method?: "GET" | "POST";
  text?: string;
  file?: Blob;
  signal?: AbortSignal;
}

export interface Reply {
  status: number;
  content: ArrayBuffer;
}

export abstract class LiveSource extends Answers implements Source {
  readonly live = true;

  /** One request below `/api/`. */
  protected abstract request(path: string, wish: Wish): Promise<Reply>;

  abstract pictureUrl(model: string, image: string): string;

  abstract training(listen: (state: messages.TrainState) => void, closed: () => void): TrainingLine;

  private async ask(path: string, wish: Wish = {}): Promise<ArrayBuffer> {
    const { status, content } = await this.request(path, wish);
    if (status < 300) return content;
    const words = new TextDecoder().decode(content);
    throw new Refusal(problemOf(words) ?? `${status} ${words}`, status);
  }

  private post(path: string, body: object, signal?: AbortSignal): Promise<ArrayBuffer> {
    return this.ask(path, { method: "POST", text: JSON.stringify(body), signal });
  }

  protected async answer<Answer>(path: string, body: object, signal?: AbortSignal): Promise<Answer> {
    return read<Answer>(await this.post(path, body, signal));
  }

  async state(): Promise<messages.State> {
    return read(await this.ask("state"));
  }

  openModel(source: string): Promise<messages.ModelInfo> {
    return this.answer("models", { source });
  }

  async uploadModel(file: File): Promise<messages.ModelInfo> {
    const path = `models/upload?name=${encodeURIComponent(file.name)}`;
    return read(await this.ask(path, { method: "POST", file }));
  }

  async addImage(model: string, name: string, file: Blob): Promise<messages.ImageInfo> {
    const path = `models/${model}/images?name=${encodeURIComponent(name)}`;
    return read(await this.ask(path, { method: "POST", file }));
  }

  addImageFrom(model: string, url: string): Promise<messages.ImageInfo> {
    return this.answer(`models/${model}/images/url`, { url });
  }

  async parameter(model: string, name: string): Promise<ValuesAnswer> {
    return readValues(await this.ask(`models/${model}/parameters/${encodeURIComponent(name)}`));
  }

  async overview(wish: OverviewWish, signal?: AbortSignal): Promise<AtlasAnswer> {
    return readAtlas(await this.post("overview", wish, signal));
  }

  async maps(trace: string, node: string, channels: number[]): Promise<AtlasAnswer> {
    return readAtlas(await this.post("maps", { trace, node, channels }));
  }

  async values(trace: string, node: string, what: messages.What, channel?: number): Promise<ValuesAnswer> {
    return readValues(await this.post("values", { trace, node, what, channel }));
  }

  async partials(trace: string, node: string, channel: number, limit: number): Promise<AtlasAnswer> {
    return readAtlas(await this.post("partials", { trace, node, channel, limit }));
  }

  arithmetic(wish: CellWish, signal?: AbortSignal): Promise<messages.Arithmetic> {
    return this.answer("arithmetic", wish, signal);
  }

  async exportFile(model: string, images: string[], language: string): Promise<Blob> {
    return new Blob([await this.post("export", { model, images, language })], { type: "text/html" });
  }
}

function read<Answer>(content: ArrayBuffer): Answer {
  return JSON.parse(new TextDecoder().decode(content)) as Answer;
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
