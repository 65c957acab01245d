/** Arrow keys move between maps: up and down in a node, left and right to the nearest map beside it. */
import type { Layout } from "../lib/layout";

const STEPS: Record<string, [number, number]> = {
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
};

export function moveFocus(event: KeyboardEvent, layout: Layout): void {
  const step = STEPS[event.key];
  const from = event.target instanceof HTMLElement ? event.target.closest<HTMLElement>("[data-map]") : null;
  if (!step || !from || event.defaultPrevented) return;
  const stage = from.closest("#stage");
  const own = layout.byName.get(from.dataset["node"] ?? "");
  if (!stage || !own) return;
  const maps = [...stage.querySelectorAll<HTMLElement>("[data-map]")];
  const here = from.getBoundingClientRect();
  const middle = { x: here.x + here.width / 2, y: here.y + here.height / 2 };
  let best: HTMLElement | null = null;
  let least = Infinity;
  for (const map of maps) {
    if (map === from) continue;
    const box = map.getBoundingClientRect();
    const along = { x: box.x + box.width / 2 - middle.x, y: box.y + box.height / 2 - middle.y };
    const ahead = along.x * step[0] + along.y * step[1];
    const aside = Math.abs(along.x * step[1]) + Math.abs(along.y * step[0]);
    if (ahead < 2) continue;
    const far = step[0] !== 0 ? ahead * 4 + aside : ahead + aside * 8;
    if (far < least) [best, least] = [map, far];
  }
  if (best === null) return;
  event.preventDefault();
  best.focus({ preventScroll: true });
  best.scrollIntoView({ block: "nearest", inline: "nearest" });
}
