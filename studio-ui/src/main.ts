import { mount } from "svelte";
import App from "./App.svelte";
import "./app.css";
import { EmbeddedSource } from "./lib/embedded";
import { HttpSource } from "./lib/http";
import type { Embedded } from "./lib/messages";
import { Settings } from "./lib/settings.svelte";
import type { Source } from "./lib/source";

/** A file that carries its answers needs no server. */
function chosenSource(): { source: Source; settings: Settings } {
  const carried = document.getElementById("pellucid-data")?.textContent;
  if (carried) {
    const data = JSON.parse(carried) as Embedded;
    return { source: new EmbeddedSource(data), settings: new Settings(data.language) };
  }
  const token = new URLSearchParams(location.search).get("token") ?? "";
  return { source: new HttpSource(token), settings: new Settings() };
}

const target = document.getElementById("page");
if (target === null) throw new Error("the page has no element to stand in");
mount(App, { target, props: chosenSource() });
