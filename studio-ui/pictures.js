/** Pictures of the page with a running Studio: `node pictures.js ADDRESS FOLDER VIEWS.json [PATTERN]`. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [address, folder, file, only] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium" });
for (const view of JSON.parse(readFileSync(file, "utf8"))) {
  if (only && !view.name.match(only)) continue;
  const context = await browser.newContext({
    viewport: { width: view.width, height: view.height },
    colorScheme: view.dark ? "dark" : "light",
    locale: view.language,
    reducedMotion: "reduce",
  });
  const tab = await context.newPage();
  tab.on("console", (message) => message.type() === "error" && console.log(view.name, message.text()));
  tab.on("pageerror", (error) => console.log(view.name, error.message));
  await tab.goto(`${address}#${view.hash ?? ""}`);
  await tab.waitForTimeout(view.wait ?? 1800);
  for (const [action, ...words] of view.steps ?? []) {
    if (action === "wait") await tab.waitForTimeout(words[0]);
    else await tab[action](...words);
  }
  await tab.waitForTimeout(600);
  writeFileSync(join(folder, `${view.name}.png`), await tab.screenshot());
  await context.close();
}
await browser.close();
