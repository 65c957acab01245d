import { defineConfig } from "vite";

/** What makes the frame in a notebook is a module of its own, beside the page that stands in it. */
export default defineConfig({
  build: {
    outDir: "../src/pellucid/studio/page",
    emptyOutDir: false,
    target: "es2022",
    lib: { entry: "src/notebook/widget.ts", formats: ["es"], fileName: () => "notebook.js" },
  },
});
