/** Pictures of the page with a fixture's data: `node shots.js FIXTURE.json FOLDER`. Needs Debian's chromium. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { chromium } from "playwright-core";

const [fixture, folder, only] = process.argv.slice(2);
const page = new URL("../src/pellucid/studio/page/", import.meta.url).pathname;
const data = readFileSync(fixture, "utf8").replaceAll("<", "\\u003c");
const TYPES = { ".js": "text/javascript", ".css": "text/css", ".html": "text/html" };
const server = createServer((request, response) => {
  const path = new URL(request.url, "http://page").pathname;
  const name = path === "/" ? "index.html" : path.slice(1);
  let body = readFileSync(join(page, name));
  if (name === "index.html") {
    const script = `<script type="application/json" id="pellucid-data">${data}</script></head>`;
    body = body.toString().replace("</head>", () => script);
  }
  response.writeHead(200, { "Content-Type": TYPES[extname(name)] ?? "application/octet-stream" });
  response.end(body);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const address = `http://127.0.0.1:${server.address().port}/`;
mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium" });
const views = JSON.parse(readFileSync(join(import.meta.dirname, "views.json"), "utf8"));
for (const view of views) {
  if (only && !view.name.match(only)) continue;
  const context = await browser.newContext({
    viewport: { width: view.width, height: view.height },
    colorScheme: view.dark ? "dark" : "light",
    locale: view.language,
    reducedMotion: "reduce",
  });
  const tab = await context.newPage();
  tab.on("console", (message) => message.type() === "error" && console.log(view.name, message.text()));
  tab.on("pageerror", (error) => console.log(view.name, error.message, error.stack?.split("\n")[1] ?? ""));
  await tab.goto(`${address}#${view.hash ?? ""}`);
  await tab.waitForTimeout(900);
  for (const selector of view.hover ?? []) await tab.hover(selector);
  for (const selector of view.click ?? []) await tab.click(selector);
  await tab.waitForTimeout(500);
  writeFileSync(join(folder, `${view.name}.png`), await tab.screenshot());
  await context.close();
}
await browser.close();
server.close();
