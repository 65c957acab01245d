/** The answers of a notebook's kernel: the page stands in a frame of a cell, whose widget carries messages. */
import { LiveSource, type Reply, type Wish } from "./live";
import type * as messages from "./messages";
import type { Asking, Telling } from "./messages";
import type { TrainingLine } from "./source";

/** What goes between the frame and the notebook's page; `content` is what comes with the message. */
export interface Letter<Message> {
  pellucid: Message;
  content?: ArrayBuffer;
}

/** The way to the kernel, from inside the frame. */
export interface Post {
  send(letter: Letter<Asking>): void;
  listen(hear: (letter: Letter<Telling>) => void): void;
}

/** Letters to the page around this one. */
export function postToParent(): Post {
  return {
    send: (letter) => window.parent.postMessage(letter, "*", letter.content ? [letter.content] : []),
    listen: (hear) =>
      window.addEventListener("message", (event: MessageEvent<unknown>) => {
        const { data, source } = event;
        if (source === window.parent && typeof data === "object" && data !== null && "pellucid" in data) {
          hear(data as Letter<Telling>);
        }
      }),
  };
}

interface Line {
  listen: (state: messages.TrainState) => void;
  closed: () => void;
}

export class KernelSource extends LiveSource {
  private readonly waiting = new Map<string, (reply: Reply) => void>();
  private readonly lines = new Map<string, Line>();
  private readonly pictures = new Map<string, string>();
  private numbers = 0;

  constructor(private readonly mail: Post) {
    super();
    mail.listen((letter) => this.hear(letter));
  }

  private hear({ pellucid: told, content }: Letter<Telling>): void {
    if (told.kind === "answer") {
      this.waiting.get(told.id)?.({ status: told.status ?? 500, content: content ?? new ArrayBuffer(0) });
      this.waiting.delete(told.id);
    } else if (told.kind === "said") {
      this.lines.get(told.id)?.listen(JSON.parse(told.text ?? "") as messages.TrainState);
    } else if (told.kind === "closed") {
      this.lines.get(told.id)?.closed();
      this.lines.delete(told.id);
    }
  }

  protected async request(path: string, { method, text, file, signal }: Wish): Promise<Reply> {
    signal?.throwIfAborted();
    const id = String(++this.numbers);
    const content = file === undefined ? undefined : await file.arrayBuffer();
    return new Promise((resolve, reject) => {
      this.waiting.set(id, resolve);
      signal?.addEventListener("abort", () => {
        if (!this.waiting.delete(id)) return;
        this.mail.send({ pellucid: { kind: "leave", id } });
        reject(signal.reason as Error);
      });
      const pellucid: Asking = { kind: "ask", id, method: method ?? "GET", path: `/api/${path}` };
      if (text !== undefined) pellucid.text = text;
      this.mail.send(content === undefined ? { pellucid } : { pellucid, content });
    });
  }

  pictureUrl(model: string, image: string): string {
    return this.pictures.get(`${model} ${image}`) ?? "";
  }

  /** A frame has no address for its pictures: they are fetched before they are named to anyone. */
  private async fetchPictures(model: string, images: Iterable<string>): Promise<void> {
    const fresh = [...new Set(images)].filter((image) => !this.pictures.has(`${model} ${image}`));
    await Promise.all(
      fresh.map(async (image) => {
        const path = `models/${model}/images/${encodeURIComponent(image)}`;
        const { status, content } = await this.request(path, {});
        if (status !== 200) return;
        const picture = new Blob([content], { type: "image/png" });
        this.pictures.set(`${model} ${image}`, URL.createObjectURL(picture));
      }),
    );
  }

  override async state(): Promise<messages.State> {
    const state = await super.state();
    for (const [model, images] of Object.entries(state.images)) {
      const names = images.map((image) => image.id);
      await this.fetchPictures(model, names);
    }
    return state;
  }

  override async addImage(model: string, name: string, file: Blob): Promise<messages.ImageInfo> {
    const image = await super.addImage(model, name, file);
    await this.fetchPictures(model, [image.id]);
    return image;
  }

  override async top(
    model: string,
    node: string,
    channel: number,
    count: number,
  ): Promise<messages.TopPatch[]> {
    const patches = await super.top(model, node, channel, count);
    const names = patches.map((patch) => patch.image);
    await this.fetchPictures(model, names);
    return patches;
  }

  override async mistakes(model: string): Promise<messages.Mistakes> {
    const found = await super.mistakes(model);
    const names = found.worst.map((mistake) => mistake.image.id);
    await this.fetchPictures(model, names);
    return found;
  }

  training(listen: Line["listen"], closed: Line["closed"]): TrainingLine {
    const id = String(++this.numbers);
    const tell = (kind: Asking["kind"], rest: Partial<Asking> = {}) =>
      this.mail.send({ pellucid: { kind, id, ...rest } });
    this.lines.set(id, { listen, closed });
    tell("open", { path: "/api/training" });
    return {
      send: (wish) => tell("say", { text: JSON.stringify(wish) }),
      close: () => tell("hang-up"),
    };
  }
}
