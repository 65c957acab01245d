/** Print what a browser fetches, compressed, and fail above the limit. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const LIMIT = 150_000;
const folder = new URL("../src/pellucid/studio/page/", import.meta.url).pathname;
const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
const total = files
  .map((entry) => gzipSync(readFileSync(join(entry.parentPath, entry.name))).length)
  .reduce((sum, size) => sum + size, 0);
console.log(
  `page: ${files.length} files, ${(total / 1000).toFixed(1)} kB gzipped of at most ${LIMIT / 1000} kB`,
);
if (total > LIMIT) process.exit(1);
