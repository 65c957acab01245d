/** The server's answers, over HTTP and one WebSocket. */
import { LiveSource, type Reply, type Wish } from "./live";
import type { TrainState } from "./messages";
import type { TrainingLine } from "./source";

export class HttpSource extends LiveSource {
  constructor(
    private readonly token: string,
    private readonly root = "",
  ) {
    super();
  }

  protected async request(path: string, { method, text, file, signal }: Wish): Promise<Reply> {
    const response = await fetch(`${this.root}/api/${path}`, {
      method: method ?? "GET",
      body: text ?? file ?? null,
      headers: {
        "X-Token": this.token,
        ...(text === undefined ? {} : { "Content-Type": "application/json" }),
      },
      signal: signal ?? null,
    });
    return { status: response.status, content: await response.arrayBuffer() };
  }

  pictureUrl(model: string, image: string): string {
    const token = encodeURIComponent(this.token);
    return `${this.root}/api/models/${model}/images/${encodeURIComponent(image)}?token=${token}`;
  }

  training(listen: (state: TrainState) => void, closed: () => void): TrainingLine {
    const place = new URL(`${this.root}/api/training`, location.href);
    place.protocol = place.protocol === "https:" ? "wss:" : "ws:";
    place.searchParams.set("token", this.token);
    const socket = new WebSocket(place);
    const waiting: string[] = [];
    socket.onopen = () => waiting.splice(0).forEach((text) => socket.send(text));
    socket.onmessage = (event) => listen(JSON.parse(String(event.data)) as TrainState);
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
