import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";
import svelteConfig from "./svelte.config.js";

export default ts.config(
  js.configs.recommended,
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  { languageOptions: { globals: { ...globals.browser, ...globals.node } } },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } },
  },
  { rules: { "max-lines": ["error", 400] } },
  // Stored numbers are looked up in bulk and never observed: plain Map and Set are meant.
  { rules: { "svelte/prefer-svelte-reactivity": "off" } },
  { ignores: ["node_modules/", "src/lib/messages/"] },
);
