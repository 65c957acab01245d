/** The stage as a picture for slides: what is on screen, maps included. */

const STYLED = [
  "fill",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "opacity",
  "font",
  "color",
  "text-anchor",
] as const;

interface Drawn {
  text: string;
  width: number;
  height: number;
}

/** Where an element stands on the stage, in the stage's own pixels, which a very large screen enlarges. */
function placed(stage: HTMLElement, at: DOMRect): DOMRect {
  const box = stage.getBoundingClientRect();
  const scale = box.width / (stage.offsetWidth || 1) || 1;
  return new DOMRect((at.x - box.x) / scale, (at.y - box.y) / scale, at.width / scale, at.height / scale);
}

/** Everything visible on the stage as one SVG: canvases as images, words as text. */
function drawn(): Drawn {
  const stage = document.getElementById("stage");
  if (stage === null) throw new Error("there is no stage to draw");
  const box = placed(stage, stage.getBoundingClientRect());
  const parts: string[] = [];
  for (const canvas of stage.querySelectorAll("canvas")) {
    const at = placed(stage, canvas.getBoundingClientRect());
    if (at.width === 0 || opacityOf(canvas) === 0) continue;
    parts.push(
      `<image x="${at.x}" y="${at.y}" width="${at.width}" height="${at.height}" ` +
        `opacity="${opacityOf(canvas)}" preserveAspectRatio="none" image-rendering="pixelated" href="${canvas.toDataURL()}"/>`,
    );
  }
  for (const shape of stage.querySelectorAll("svg")) parts.unshift(inlined(stage, shape));
  parts.push(...bars(stage), ...words(stage));
  const style = getComputedStyle(document.body);
  const text =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${box.width}" height="${box.height}" ` +
    `viewBox="0 0 ${box.width} ${box.height}"><rect width="100%" height="100%" fill="${style.backgroundColor}"/>` +
    `${parts.join("")}</svg>`;
  return { text, width: box.width, height: box.height };
}

function opacityOf(element: Element): number {
  let share = 1;
  for (let at: Element | null = element; at !== null && at.id !== "stage"; at = at.parentElement) {
    share *= Number(getComputedStyle(at).opacity);
  }
  return share;
}

function inlined(stage: HTMLElement, shape: SVGSVGElement): string {
  const at = placed(stage, shape.getBoundingClientRect());
  const copy = shape.cloneNode(true) as SVGSVGElement;
  const originals = [...shape.querySelectorAll("*")];
  [...copy.querySelectorAll("*")].forEach((element, k) => {
    const original = originals[k];
    if (original === undefined) return;
    const style = getComputedStyle(original);
    const rules = STYLED.map((name) => `${name}:${style.getPropertyValue(name)}`);
    element.setAttribute("style", rules.join(";").replaceAll('"', "'"));
  });
  const inside = new XMLSerializer().serializeToString(copy);
  const moved = `translate(${at.x} ${at.y})`;
  return `<g transform="${moved}" opacity="${opacityOf(shape)}">${inside}</g>`;
}

/** Boxes that are marked as part of the picture, in their own colour. */
function* bars(stage: HTMLElement): Generator<string> {
  for (const bar of stage.querySelectorAll("[data-drawn]")) {
    const at = placed(stage, bar.getBoundingClientRect());
    const colour = getComputedStyle(bar).backgroundColor;
    yield (
      `<rect x="${at.x}" y="${at.y}" width="${at.width}" height="${at.height}" ` +
      `fill="${colour}" opacity="${opacityOf(bar)}"/>`
    );
  }
}

function* words(stage: HTMLElement): Generator<string> {
  const walker = document.createTreeWalker(stage, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement;
    const text = node.textContent?.trim() ?? "";
    if (!element || text === "" || element.closest("svg, .unseen")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const at = placed(stage, range.getBoundingClientRect());
    if (at.width === 0) continue;
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    yield (
      `<text x="${at.x}" y="${at.y + size}" fill="${style.color}" opacity="${opacityOf(element)}" ` +
      `font-size="${size}" font-weight="${style.fontWeight}" font-family="sans-serif">${escaped(text)}</text>`
    );
  }
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

export async function stageSvg(): Promise<Blob> {
  return new Blob([drawn().text], { type: "image/svg+xml" });
}

export async function stagePng(): Promise<Blob> {
  const { text, width, height } = drawn();
  const picture = new Image();
  const url = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  await new Promise((resolve, reject) => {
    picture.onload = resolve;
    picture.onerror = () => reject(new Error("the stage could not be drawn"));
    picture.src = url;
  });
  URL.revokeObjectURL(url);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [2 * width, 2 * height];
  const pen = canvas.getContext("2d");
  pen?.scale(2, 2);
  pen?.drawImage(picture, 0, 0);
  return new Promise((resolve, reject) =>
    canvas.toBlob(
      (file) => (file ? resolve(file) : reject(new Error("the stage could not be drawn"))),
      "image/png",
    ),
  );
}
