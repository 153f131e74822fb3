// The map: outlines of states and counties, names of counties and towns, the
// caller and the circle of uncertainty. All of it comes from our own server.

const shades = {
  light: {
    water: '#dfe8f1', land: '#f8f7f3', county: '#cfd3d9', state: '#98a2b0', here: '#eef2e6',
    label: '#4b5666', faint: '#6b7686', halo: '#fbfaf7', mark: '#b42318',
  },
  dark: {
    water: '#0b1118', land: '#1a222d', county: '#303c4b', state: '#55647a', here: '#212c36',
    label: '#c3ccd8', faint: '#93a0b2', halo: '#141b24', mark: '#ff7468',
  },
};

function style(base, s) {
  const text = (extra, paint) => ({
    layout: { 'text-font': ['Inter', 'sans-serif'], 'text-max-width': 7, 'text-padding': 4, ...extra },
    paint: { 'text-halo-color': s.halo, 'text-halo-width': 1.4, ...paint },
  });
  return {
    version: 8,
    sources: {
      counties: { type: 'geojson', data: `${base}counties.json`, tolerance: 0.2, attribution: 'US Census Bureau · GeoNames' },
      states: { type: 'geojson', data: `${base}states.json`, tolerance: 0.2 },
      names: { type: 'geojson', data: `${base}names.json` },
      caller: { type: 'geojson', data: none },
    },
    layers: [
      { id: 'water', type: 'background', paint: { 'background-color': s.water } },
      {
        id: 'land', type: 'fill', source: 'counties',
        paint: { 'fill-color': ['case', ['boolean', ['feature-state', 'here'], false], s.here, s.land], 'fill-antialias': false },
      },
      {
        id: 'counties', type: 'line', source: 'counties', minzoom: 5,
        paint: { 'line-color': s.county, 'line-width': ['interpolate', ['linear'], ['zoom'], 5, 0.5, 9, 1.1, 13, 1.6] },
      },
      {
        id: 'states', type: 'line', source: 'states',
        paint: { 'line-color': s.state, 'line-width': ['interpolate', ['linear'], ['zoom'], 3, 0.6, 8, 1.4, 13, 2] },
      },
      {
        id: 'area', type: 'fill', source: 'caller', filter: ['==', ['geometry-type'], 'Polygon'],
        paint: { 'fill-color': s.mark, 'fill-opacity': 0.14 },
      },
      {
        id: 'area-edge', type: 'line', source: 'caller', filter: ['==', ['geometry-type'], 'Polygon'],
        paint: { 'line-color': s.mark, 'line-width': 1.5, 'line-opacity': 0.8 },
      },
      {
        id: 'county-names', type: 'symbol', source: 'names', minzoom: 6.5, filter: ['has', 'county'],
        ...text({ 'text-field': ['get', 'county'], 'text-size': 12, 'text-letter-spacing': 0.08, 'text-transform': 'uppercase', 'symbol-sort-key': 99999 }, { 'text-color': s.faint }),
      },
      {
        id: 'towns', type: 'symbol', source: 'names', minzoom: 4,
        filter: ['all', ['has', 'town'], ['>=', ['get', 'size'], ['step', ['zoom'], 3, 6, 2, 8.5, 1]]],
        ...text({
          'text-field': ['get', 'town'], 'symbol-sort-key': ['get', 'rank'],
          'text-size': ['match', ['get', 'size'], 3, 15, 2, 13, 12],
        }, { 'text-color': s.label }),
      },
    ],
  };
}

const none = { type: 'FeatureCollection', features: [] };

// circle draws the uncertainty as a ring of 72 points on the ground.
function circle(lon, lat, metres) {
  const ring = [];
  for (let i = 0; i <= 72; i++) {
    const a = (i / 72) * 2 * Math.PI;
    ring.push([
      lon + (metres / (111_320 * Math.cos((lat * Math.PI) / 180))) * Math.sin(a),
      lat + (metres / 110_574) * Math.cos(a),
    ]);
  }
  return { type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates: [ring] } };
}

function say(element, text) {
  element.querySelector('.map-message')?.remove();
  if (!text) return;
  const p = document.createElement('p');
  p.className = 'map-message';
  p.textContent = text;
  element.append(p);
}

// open loads the library once; show moves the map to what an element asks for.
export async function open({ assets, map: complete }) {
  let lib = null;
  let why = complete === 'true' ? '' : 'This server was built without its map. The address and position are beside it.';
  if (!why) {
    try {
      lib = await import(`${assets}maplibre-gl.mjs`);
    } catch {
      why = 'The map could not be loaded.';
    }
  }
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const shade = () => (dark.matches ? shades.dark : shades.light);
  let map = null;
  let pin = null;
  let on = null;
  let wanted = null;

  function make(element) {
    try {
      map = new lib.Map({
        container: element, style: style(assets, shade()), center: [-96, 39], zoom: 2.6, minZoom: 2, maxZoom: 15,
        dragRotate: false, pitchWithRotate: false, touchPitch: false, attributionControl: false, fadeDuration: 0,
        cooperativeGestures: true, refreshExpiredTiles: false,
      });
    } catch {
      why = 'This browser cannot draw the map (WebGL is off).';
      map = null;
      return;
    }
    map.touchZoomRotate.disableRotation();
    map.addControl(new lib.NavigationControl({ showCompass: false }), 'top-right');
    map.addControl(new lib.ScaleControl({ maxWidth: 110, unit: 'imperial' }), 'bottom-left');
    map.addControl(new lib.AttributionControl({ compact: false }), 'bottom-right');
    map.on('load', () => { element.dataset.ready = 'true'; draw(); });
    on = element;
  }

  function close() {
    map?.remove();
    map = null;
    pin = null;
    on = null;
  }

  function draw() {
    if (!map?.isStyleLoaded() || !wanted) return;
    const { lat, lon, radius } = wanted;
    map.getSource('caller').setData(radius > 0 ? { ...none, features: [circle(lon, lat, radius)] } : none);
    map.once('idle', () => {
      map?.removeFeatureState({ source: 'counties' });
      if (!map || !wanted) return;
      const [county] = map.queryRenderedFeatures(map.project([lon, lat]), { layers: ['land'] });
      if (county) map.setFeatureState({ source: 'counties', id: county.id }, { here: true });
    });
  }

  function show(element) {
    if (on && on !== element) close();
    if (!lib || why) return say(element, why);
    const known = element.dataset.known === 'true';
    const to = known
      ? { lat: Number(element.dataset.lat), lon: Number(element.dataset.lon), radius: Number(element.dataset.radius) || 0 }
      : null;
    if (!map) make(element);
    if (!map) return say(element, why);
    if (JSON.stringify(to) === JSON.stringify(wanted) && pin) return;
    wanted = to;
    pin?.remove();
    pin = null;
    if (!to) {
      map.jumpTo({ center: [-96, 39], zoom: 2.6 });
      if (map.getSource('caller')) map.getSource('caller').setData(none);
      return;
    }
    pin = new lib.Marker({ color: shade().mark }).setLngLat([to.lon, to.lat]).addTo(map);
    const near = to.radius > 3000 ? 7.2 : 9.4;
    map.jumpTo({ center: [to.lon, to.lat], zoom: near });
    draw();
  }

  dark.addEventListener('change', () => {
    if (!map) return;
    map.setStyle(style(assets, shade()));
    map.once('idle', draw);
  });

  return { show, close };
}
