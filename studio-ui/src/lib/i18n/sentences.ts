/** Sentences that Python makes, in Chinese: each English pattern of the tables has a Chinese one.

 * A table's `{name}` stands for what is copied, numbers and names; `{*name}` for what may be empty and is said
 * in Chinese where the tables know it; `{!name}` for what they must know. Lists are said piece by piece. What
 * is copied into a mere part of a sentence has no colon, which ends the name that a sentence begins with, and
 * no comma outside parentheses, which parts the pieces of a list; what was received ends every rule.
 */
import explanations from "./chinese/explanations.json";
import files from "./chinese/files.json";
import findings from "./chinese/findings.json";
import layers from "./chinese/layers.json";
import parts from "./chinese/parts.json";
import refusals from "./chinese/refusals.json";

interface Pattern {
  expression: RegExp;
  names: string[];
  chinese: string;
}

const PLACE = /\{([*!]?)(\w+)\}/g;
const COPIED = "(?:(?!, received ).)+?";
const FIRST = "(?:(?!: |, received ).)+?";
const IN_A_PART = "(?:\\([^)]*\\)|[^:,])+?";
const LISTS: readonly (readonly [RegExp, string])[] = [
  [/; /, "；"],
  [/, (?![^(]*\))/, "，"],
  [/ and /, "和"],
];
const PREFIX = "{name}: {!rest}";

const sentences = new Map<string, Pattern[]>();

/** The patterns of a table, those that say most themselves first. */
function patterns(kind: "whole" | "part"): Pattern[] {
  const known = sentences.get(kind);
  if (known !== undefined) return known;
  const whole = { ...findings, ...explanations, ...layers, ...refusals, ...files };
  const table = kind === "whole" ? whole : { ...parts, ...whole };
  const own = (english: string) => english.replace(PLACE, "").length;
  const rows = Object.entries(table).sort(([one], [other]) => own(other) - own(one));
  const made = [...rows, [PREFIX, "{name}：{rest}"] as const].map(([english, chinese]) =>
    pattern(english, chinese, english in parts ? IN_A_PART : COPIED),
  );
  sentences.set(kind, made);
  return made;
}

function pattern(english: string, chinese: string, copied: string): Pattern {
  const names: string[] = [];
  let source = "";
  let end = 0;
  for (const place of english.matchAll(PLACE)) {
    source += escaped(english.slice(end, place.index)) + group(place, copied);
    names.push(`${place[1] ?? ""}${place[2] ?? ""}`);
    end = place.index + place[0].length;
  }
  source += escaped(english.slice(end));
  return { expression: new RegExp(`^${source}$`, "su"), names, chinese };
}

function group(place: RegExpExecArray, copied: string): string {
  if (place[1] === "*") return "(.*?)";
  if (place[1] === "!") return "(.+?)";
  return `(${place.index === 0 && copied === COPIED ? FIRST : copied})`;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}

/** A sentence in Chinese; null where no table has it. */
export function inChinese(sentence: string): string | null {
  return matched(sentence, "whole");
}

function matched(text: string, kind: "whole" | "part"): string | null {
  for (const { expression, names, chinese } of patterns(kind)) {
    const found = expression.exec(text);
    if (found === null) continue;
    const said = new Map<string, string>();
    let known = true;
    for (const [k, name] of names.entries()) {
      const part = found[k + 1] ?? "";
      const inner = /^[*!]/.test(name) ? partInChinese(part) : part;
      if (inner === null && name.startsWith("!")) known = false;
      said.set(name.replace(/^[*!]/, ""), inner ?? part);
    }
    if (known) return chinese.replace(PLACE, (_, __, name: string) => said.get(name) ?? "");
  }
  return null;
}

/** Part of a sentence, or a list of such parts; null where no table has any of it. */
export function partInChinese(text: string): string | null {
  if (text === "") return "";
  const whole = matched(text, "part");
  if (whole !== null) return whole;
  for (const [comma, chinese] of LISTS) {
    const pieces = text.split(comma);
    if (pieces.length < 2) continue;
    const said = pieces.map(partInChinese);
    if (said.some((piece) => piece !== null)) {
      return said.map((piece, k) => piece ?? pieces[k] ?? "").join(chinese);
    }
  }
  return null;
}
