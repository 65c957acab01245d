import { mount } from "svelte";
import App from "./App.svelte";
import "./app.css";
import { EmbeddedSource } from "./lib/embedded";
import { KernelSource, postToParent } from "./lib/kernel";
import { HttpSource } from "./lib/http";
import type { Cell, Embedded } from "./lib/messages";
import { Settings } from "./lib/settings.svelte";
import type { Source } from "./lib/source";
import History from "./notebook/History.svelte";

/** What the page was given to begin with, if anything. */
function carried<Data>(element: string): Data | null {
  const text = document.getElementById(element)?.textContent;
  return text ? (JSON.parse(text) as Data) : null;
}

function open(source: Source, settings = new Settings()): void {
  mount(App, { target, props: { source, settings } });
}

const target = document.getElementById("page") ?? document.body;
const file = carried<Embedded>("pellucid-data");
const cell = carried<Cell>("pellucid-cell");
if (file !== null) {
  open(new EmbeddedSource(file), new Settings(file.language));
} else if (cell?.run) {
  mount(History, { target, props: { run: cell.run, settings: new Settings() } });
} else if (cell !== null) {
  open(new KernelSource(postToParent()));
} else {
  open(new HttpSource(new URLSearchParams(location.search).get("token") ?? ""));
}
