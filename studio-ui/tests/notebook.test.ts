import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { KernelSource, type Letter, type Post } from "../src/lib/kernel";
import type { Asking, Telling, TrainState } from "../src/lib/messages";
import { Refusal } from "../src/lib/source";
import widget from "../src/notebook/widget";

const bytes = (text: string) => new TextEncoder().encode(text).buffer as ArrayBuffer;

/** A kernel that answers what a test gives it to say. */
class Kernel implements Post {
  readonly asked: Letter<Asking>[] = [];
  private hear: (letter: Letter<Telling>) => void = () => undefined;

  send(letter: Letter<Asking>): void {
    this.asked.push(letter);
  }

  listen(hear: (letter: Letter<Telling>) => void): void {
    this.hear = hear;
  }

  last(): Asking {
    const letter = this.asked.at(-1);
    if (letter === undefined) throw new Error("nothing was asked");
    return letter.pellucid;
  }

  tell(pellucid: Telling, content?: string): void {
    this.hear({ pellucid, ...(content === undefined ? {} : { content: bytes(content) }) });
  }
}

describe("the source that asks a kernel", () => {
  let kernel: Kernel;
  let source: KernelSource;

  beforeEach(() => {
    kernel = new Kernel();
    source = new KernelSource(kernel);
  });

  it("asks as the server is asked, and takes the answer of its own question", async () => {
    const first = source.health("m1");
    const second = source.health("m2");
    const [one, other] = kernel.asked.map((letter) => letter.pellucid);
    expect(one).toMatchObject({ kind: "ask", method: "POST", path: "/api/health", text: '{"model":"m1"}' });
    kernel.tell({ kind: "answer", id: other?.id ?? "", status: 200 }, '{"findings":[],"images":2}');
    kernel.tell({ kind: "answer", id: one?.id ?? "", status: 200 }, '{"findings":[],"images":1}');
    expect([(await first).images, (await second).images]).toEqual([1, 2]);
  });

  it("turns a refusal into the server's words and status", async () => {
    const asking = source.health("m9");
    kernel.tell({ kind: "answer", id: kernel.last().id, status: 404 }, '{"error":"no model is open"}');
    const error = await asking.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Refusal);
    expect(error).toMatchObject({ message: "no model is open", status: 404 });
  });

  it("tells the kernel when nobody waits any more", async () => {
    const asking = new AbortController();
    const wish = { model: "m1", image: "i1", what: "activation" as const };
    const answer = source.overview(wish, asking.signal);
    const { id } = kernel.last();
    asking.abort();
    await expect(answer).rejects.toThrow("abort");
    expect(kernel.last()).toEqual({ kind: "leave", id });
    await expect(source.overview(wish, asking.signal)).rejects.toThrow("abort");
  });

  it("has the pictures before it names them", async () => {
    vi.spyOn(URL, "createObjectURL").mockReturnValue("blob:1");
    const state = source.state();
    const images = { m1: [{ id: "i1", name: "one", shape: [1, 2, 2], label: null }] };
    kernel.tell({ kind: "answer", id: kernel.last().id, status: 200 }, JSON.stringify({ images }));
    await vi.waitFor(() => expect(kernel.last().path).toBe("/api/models/m1/images/i1"));
    expect(source.pictureUrl("m1", "i1")).toBe("");
    kernel.tell({ kind: "answer", id: kernel.last().id, status: 200 }, "a picture");
    expect((await state).images).toEqual(images);
    expect(source.pictureUrl("m1", "i1")).toBe("blob:1");
  });

  it("sends a file as bytes", async () => {
    const adding = source.addImage("m1", "a b.png", new Blob(["pixels"]));
    await vi.waitFor(() => expect(kernel.asked).toHaveLength(1));
    expect(kernel.last()).toMatchObject({ method: "POST", path: "/api/models/m1/images?name=a%20b.png" });
    expect(new TextDecoder().decode(kernel.asked[0]?.content)).toBe("pixels");
    kernel.tell({ kind: "answer", id: kernel.last().id, status: 413 }, '{"error":"too large"}');
    await expect(adding).rejects.toThrow("too large");
  });

  it("keeps a line to a run until either side ends it", () => {
    const states: Partial<TrainState>[] = [];
    const closed = vi.fn();
    const line = source.training((state) => states.push(state), closed);
    const { id } = kernel.last();
    expect(kernel.last()).toEqual({ kind: "open", id, path: "/api/training" });
    line.send({ action: "step" });
    expect(kernel.last()).toEqual({ kind: "say", id, text: '{"action":"step"}' });
    kernel.tell({ kind: "said", id, text: '{"step":1}' });
    expect(states).toEqual([{ step: 1 }]);
    line.close();
    expect(kernel.last()).toEqual({ kind: "hang-up", id });
    kernel.tell({ kind: "closed", id });
    kernel.tell({ kind: "closed", id });
    expect(closed).toHaveBeenCalledOnce();
  });
});

describe("the widget in a notebook's page", () => {
  type Hear = (told: Telling, buffers: DataView[]) => void;
  const model = {
    sent: [] as { content: Asking; buffers: ArrayBuffer[] }[],
    hearers: new Set<Hear>(),
    send(content: unknown, _: unknown, buffers: ArrayBuffer[] = []) {
      this.sent.push({ content: content as Asking, buffers });
    },
    on(_: string, hear: Hear) {
      this.hearers.add(hear);
    },
    off(_: string, hear: Hear) {
      this.hearers.delete(hear);
    },
    tell(told: Telling, text: string) {
      this.hearers.forEach((hear) => hear(told, [new DataView(bytes(text))]));
    },
  };
  let end: () => void;
  let el: HTMLElement;
  const frame = () => el.querySelector("iframe") as HTMLIFrameElement;

  beforeEach(() => {
    model.sent.length = 0;
    el = document.createElement("div"); // outside the document, where frames load nothing
    end = widget.render({ model, el });
  });

  afterEach(() => end());

  it("asks for the page, and puts only its own into the frame", () => {
    const { kind, id } = model.sent[0]?.content ?? { kind: "leave", id: "" };
    expect(kind).toBe("page");
    model.tell({ kind: "page", id: "another view", height: 300 }, "<p>theirs</p>");
    expect(frame().srcdoc).toBe("");
    model.tell({ kind: "page", id, height: 300 }, "<p>ours</p>");
    expect([frame().srcdoc, frame().style.height]).toEqual(["<p>ours</p>", "300px"]);
  });

  it("carries the frame's letters to the kernel, nobody else's, and the answers back", () => {
    const { id } = model.sent[0]?.content ?? { id: "" };
    const letter: Letter<Asking> = { pellucid: { kind: "ask", id: "7", path: "/api/state" } };
    const inside = { postMessage: vi.fn() };
    Object.defineProperty(frame(), "contentWindow", { value: inside });
    const arrive = (source: unknown) => {
      const event = new MessageEvent("message", { data: letter });
      window.dispatchEvent(Object.defineProperty(event, "source", { value: source }));
    };
    arrive(window);
    arrive(null);
    expect(model.sent).toHaveLength(1);
    arrive(inside);
    expect(model.sent[1]?.content).toEqual({ kind: "ask", id: `${id}7`, path: "/api/state" });
    model.tell({ kind: "answer", id: `${id}7`, status: 200 }, "the state");
    expect(inside.postMessage).toHaveBeenCalledOnce();
    const [answer] = inside.postMessage.mock.calls[0] as [Letter<Telling>];
    expect(answer.pellucid).toEqual({ kind: "answer", id: "7", status: 200 });
    expect(new TextDecoder().decode(answer.content)).toBe("the state");
  });

  it("leaves nothing behind", () => {
    end();
    expect([frame(), model.hearers.size]).toEqual([null, 0]);
  });
});
