/** What a notebook's own page runs: a frame with the Studio's page, and the letters between it and the kernel. */
import type { Letter } from "../lib/kernel";
import type { Asking, Telling } from "../lib/messages";

/** Of anywidget's model: what is used here. */
interface WidgetModel {
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
  on(event: "msg:custom", hear: (told: Telling, buffers: DataView[]) => void): void;
  off(event: "msg:custom", hear: (told: Telling, buffers: DataView[]) => void): void;
}

let views = 0;

function bytesOf(view: DataView | undefined): ArrayBuffer {
  if (view === undefined) return new ArrayBuffer(0);
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice().buffer as ArrayBuffer;
}

function render({ model, el }: { model: WidgetModel; el: HTMLElement }): () => void {
  // A model can be shown in several cells: each takes the answers to its own questions.
  const mark = `${Date.now()}-${++views} `;
  const frame = document.createElement("iframe");
  frame.title = "Pellucid";
  frame.allow = "camera; clipboard-write; fullscreen";
  Object.assign(frame.style, { width: "100%", border: "0", display: "block" });

  function hear(told: Telling, buffers: DataView[]): void {
    if (!told.id.startsWith(mark)) return;
    const content = bytesOf(buffers[0]);
    if (told.kind === "page") {
      frame.style.height = `${told.height ?? 0}px`;
      frame.srcdoc = new TextDecoder().decode(content);
      return;
    }
    const letter: Letter<Telling> = { pellucid: { ...told, id: told.id.slice(mark.length) }, content };
    frame.contentWindow?.postMessage(letter, "*", [content]);
  }

  function carry(event: MessageEvent<unknown>): void {
    if (event.source !== frame.contentWindow || event.source === null) return;
    const { pellucid: asked, content } = event.data as Letter<Asking>;
    model.send({ ...asked, id: mark + asked.id }, undefined, content ? [content] : []);
  }

  model.on("msg:custom", hear);
  window.addEventListener("message", carry);
  el.append(frame);
  model.send({ kind: "page", id: mark } satisfies Asking);
  return () => {
    model.off("msg:custom", hear);
    window.removeEventListener("message", carry);
    frame.remove();
  };
}

export default { render };
