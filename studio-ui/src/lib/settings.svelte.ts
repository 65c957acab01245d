/** How the reader likes the page: kept in the browser. */
import { filled, preferredLanguage, WORDS, type Key, type Language } from "./i18n";
import { inChinese, partInChinese } from "./i18n/sentences";

export type Theme = "light" | "dark" | "system";
export type Scope = "map" | "layer" | "net";

const PLACE = "pellucid";

export class Settings {
  language = $state<Language>("en");
  theme = $state<Theme>("system");
  scope = $state<Scope>("layer");
  details = $state(true);
  private systemDark = $state(false);

  constructor(language?: Language) {
    const query = window.matchMedia("(prefers-color-scheme: dark)");
    this.systemDark = query.matches;
    query.addEventListener("change", (event) => (this.systemDark = event.matches));
    const kept = read();
    this.language = kept.language ?? language ?? preferredLanguage(navigator.languages);
    this.theme = kept.theme ?? "system";
    this.scope = kept.scope ?? "layer";
    this.details = kept.details ?? true;
  }

  get dark(): boolean {
    return this.theme === "system" ? this.systemDark : this.theme === "dark";
  }

  /** A text in the reader's language. */
  t = (key: Key, parts?: Record<string, string | number>): string => filled(WORDS[this.language][key], parts);

  /** A sentence that Python made, in the reader's language; its own words where no table has it. */
  say = (sentence: string): string =>
    this.language === "en" ? sentence : (inChinese(sentence) ?? this.t("original", { text: sentence }));

  /** A fragment that Python made, such as a name or a formula, which may have nothing to translate. */
  sayPart = (text: string): string => (this.language === "en" ? text : (partInChinese(text) ?? text));

  keep(): void {
    const { language, theme, scope, details } = this;
    try {
      localStorage.setItem(PLACE, JSON.stringify({ language, theme, scope, details }));
    } catch {
      // A browser that keeps nothing for this page still shows it.
      return;
    }
  }
}

interface Kept {
  language?: Language;
  theme?: Theme;
  scope?: Scope;
  details?: boolean;
}

function read(): Kept {
  try {
    return JSON.parse(localStorage.getItem(PLACE) ?? "{}") as Kept;
  } catch {
    return {};
  }
}
