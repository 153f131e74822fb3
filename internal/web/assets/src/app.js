// The page of calls: live by server-sent events, selected without a reload. It
// works without this script too, as plain pages.
import { alarm, blocked, hush, setSound, soundOn } from './sound.js';
import { fragment, patch, replace } from './patch.js';

const $ = (id) => document.getElementById(id);
const body = document.body;
const pane = $('pane');
const liveList = $('live-list');
const pastList = $('past-list');
const title = document.title;

// The server's clock counts: a desk's clock may be wrong.
let skew = Number(body.dataset.now) - Date.now();
const now = () => Date.now() + skew;

// ── clocks ──────────────────────────────────────────────────────────────────

function clock(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, '0');
  if (s < 3600) return `${Math.floor(s / 60)}:${two(s % 60)}`;
  return `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}
function tick() {
  for (const e of document.querySelectorAll('[data-since]')) {
    const text = clock(now() - Number(e.dataset.since));
    if (e.textContent !== text) e.textContent = text;
  }
}
setInterval(tick, 500);

// ── the map, loaded when there is something to show ─────────────────────────

let map = null;
async function showMap() {
  const element = $('map');
  if (!element) {
    map?.then((m) => m.close());
    map = null;
    return;
  }
  map ??= import('./map.js').then((m) => m.open(body.dataset));
  const m = await map;
  if ($('map') === element) m.show(element);
}

// ── one call ────────────────────────────────────────────────────────────────

let open = pane.querySelector('.call')?.dataset.id ?? '';
let asked = 0;
let loading = null;
let again = false;

function mark(id) {
  for (const a of document.querySelectorAll('.row > a[data-open]')) {
    if (a.dataset.open === id) a.setAttribute('aria-current', 'true');
    else a.removeAttribute('aria-current');
  }
}

// refresh reads the open call anew. While one answer is awaited, further wishes
// become one.
async function refresh() {
  if (!open) return;
  if (loading) {
    again = true;
    return;
  }
  const id = open;
  const turn = ++asked;
  loading = fetch(`/calls/${encodeURIComponent(id)}/detail`, { headers: { Accept: 'text/html' } });
  try {
    const answer = await loading;
    if (answer.status === 401) return signedOut();
    if (!answer.ok) return;
    const html = await answer.text();
    if (turn === asked && id === open) {
      patch(pane, fragment(html));
      tick();
      showMap();
    }
  } catch {
    // The events tell when the server is back; then the call is read again.
  } finally {
    loading = null;
    if (again) {
      again = false;
      refresh();
    }
  }
}

async function show(id, { push = true, focus = true, seen = true } = {}) {
  if (id !== open) pane.scrollTop = 0;
  open = id;
  mark(id);
  if (push) history.pushState({ id }, '', id ? `/calls/${encodeURIComponent(id)}` : '/calls');
  if (!id) {
    body.classList.remove('has-open');
    return;
  }
  if (seen) hush(id); // a call that opened by itself was seen by nobody yet
  asked++;
  loading = null;
  await refresh();
  body.classList.add('has-open');
  if (focus) pane.focus({ preventScroll: !matchMedia('(max-width: 999px)').matches });
  if (matchMedia('(max-width: 999px)').matches) scrollTo(0, 0);
}

document.addEventListener('click', (e) => {
  if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
  const row = e.target.closest('a[data-open]');
  if (row) {
    e.preventDefault();
    show(row.dataset.open);
    return;
  }
  if (e.target.closest('a[data-back]')) {
    e.preventDefault();
    show('', { focus: false });
    return;
  }
  if (e.target.closest('#older')) {
    e.preventDefault();
    older(e.target.closest('#older'));
    return;
  }
  if (e.target.closest('#silence')) hush();
  const menu = $('alarms');
  if (menu?.open && !e.target.closest('#alarms')) menu.open = false;
});
document.addEventListener('keydown', (e) => {
  if (e.key === 'Escape' && $('alarms')?.open) {
    $('alarms').open = false;
    $('alarms').querySelector('summary').focus();
    return;
  }
  if (e.key !== 'ArrowDown' && e.key !== 'ArrowUp') return;
  const rows = [...document.querySelectorAll('.row > a')];
  const at = rows.indexOf(document.activeElement);
  const next = rows[at + (e.key === 'ArrowDown' ? 1 : -1)];
  if (at >= 0 && next) {
    e.preventDefault();
    next.focus();
  }
});
addEventListener('popstate', () => {
  const id = decodeURIComponent(location.pathname.match(/^\/calls\/([^/]+)$/)?.[1] ?? '');
  show(id, { push: false, focus: false });
});

// ── older calls ─────────────────────────────────────────────────────────────

async function older(link) {
  link.setAttribute('aria-busy', 'true');
  try {
    const answer = await fetch(link.href, { headers: { 'X-Part': 'past' } });
    if (answer.status === 401) return signedOut();
    if (!answer.ok) return;
    const days = fragment(await answer.text());
    const last = [...pastList.querySelectorAll('.day')].at(-1);
    const first = days.querySelector('.day');
    if (last && first && last.dataset.day === first.dataset.day) {
      last.querySelector('.rows').append(...first.querySelector('.rows').children);
      first.remove();
    }
    link.replaceWith(days);
    mark(open);
  } catch {
    link.removeAttribute('aria-busy');
  }
}

// ── live rows ───────────────────────────────────────────────────────────────

const ended = new Map(); // rows that are over but keep their place for now
let touched = 0; // when somebody last moved or typed
for (const what of ['pointermove', 'pointerdown', 'keydown', 'wheel', 'touchstart']) {
  addEventListener(what, () => { touched = Date.now(); }, { passive: true });
}

function count() {
  const n = liveList.querySelectorAll('.row[data-live="true"]').length;
  $('live-count').textContent = String(n);
}

// place puts a row where it belongs. A call that ends keeps its place among
// those in progress until nobody reaches for the list: rows never move under a
// pointer.
function place({ id, day, row }) {
  const element = fragment(row).firstElementChild;
  const have = $(element.id);
  if (have) {
    const wasLive = liveList.contains(have);
    replace(have, element);
    if (wasLive && element.dataset.live !== 'true') {
      have.dataset.settling = '';
      if (!ended.has(id)) ended.set(id, { at: Date.now(), day });
    }
  } else if (element.dataset.live === 'true') {
    liveList.append(element);
  } else {
    intoPast(element, day);
  }
  mark(open);
  count();
}

function intoPast(element, day) {
  $('past-empty')?.remove();
  let section = [...pastList.querySelectorAll('.day')].find((d) => d.dataset.day === day);
  if (!section) {
    section = fragment('<section class="day"><h3></h3><ol class="rows"></ol></section>').firstElementChild;
    section.dataset.day = day;
    section.querySelector('h3').textContent = day;
    pastList.prepend(section);
  }
  const rows = section.querySelector('.rows');
  const before = [...rows.children].find((r) => r.dataset.id < element.dataset.id); // ids sort by time
  rows.insertBefore(element, before ?? null);
}

function settle() {
  const t = Date.now();
  if (t - touched < 10_000) return;
  for (const [id, { at, day }] of ended) {
    if (t - at < 60_000) continue;
    ended.delete(id);
    const row = $(`call-${id}`);
    if (!row) continue;
    delete row.dataset.settling;
    row.remove();
    intoPast(row, day);
  }
}
setInterval(settle, 5_000);

// ── a new 911 call ──────────────────────────────────────────────────────────

const raised = new Set();
for (const row of liveList.querySelectorAll('.row[data-emergency="true"]')) raised.add(row.dataset.id);

function raise(call) {
  if (!call.live || !call.emergency || raised.has(call.id)) return;
  raised.add(call.id);
  alarm(call.id);
  if ($('silence')) $('silence').hidden = !soundOn();
  // Who and where are known within the second; then it is said, once.
  setTimeout(() => { $('announce').textContent = `New 911 call. ${$('strip').dataset.say}`; }, 900);
  if (!open) show(call.id, { focus: false, seen: false });
}

function strip(html) {
  const ringing = $('silence') && !$('silence').hidden;
  replace($('strip'), fragment(html).firstElementChild);
  if ($('silence')) $('silence').hidden = !ringing;
  const alert = $('strip').dataset.alert === 'true';
  document.title = alert ? `911 in progress – ${title}` : title;
  if (!alert) hush();
  tick();
}

addEventListener('callbox:hushed', () => { if ($('silence')) $('silence').hidden = true; });

// ── sound ───────────────────────────────────────────────────────────────────

const sound = $('sound');
function showSound() {
  const text = blocked() ? 'Press for sound' : soundOn() ? 'Sound on' : 'Sound off';
  if ($('sound-text').textContent !== text) $('sound-text').textContent = text;
  sound.setAttribute('aria-pressed', String(soundOn()));
  sound.classList.toggle('waiting', blocked());
}
let waited = false;
for (const press of ['pointerdown', 'keydown']) sound.addEventListener(press, () => { waited = blocked(); });
sound.addEventListener('click', () => {
  // The press that lets the sound out is not a press that turns it off.
  setSound(waited || !soundOn());
  waited = false;
  showSound();
});
addEventListener('callbox:sound', showSound);
sound.classList.remove('idle');
showSound();

// ── events ──────────────────────────────────────────────────────────────────

let source = null;
let heard = Date.now();
let last = body.dataset.mark;
let wait = 1_000;
let over = false;

function link(state, text) {
  $('link').dataset.state = state;
  $('link-text').textContent = text;
}

function signedOut() {
  over = true;
  source?.close();
  link('lost', 'Signed out');
}

function connect() {
  if (over) return;
  source?.close();
  source = new EventSource(`/events?after=${encodeURIComponent(last)}`);
  const on = (name, act) => source.addEventListener(name, (e) => {
    heard = Date.now();
    if (e.lastEventId) last = e.lastEventId;
    act(e.data ? JSON.parse(e.data) : {});
  });
  on('hello', ({ now: t }) => {
    skew = t - Date.now();
    wait = 1_000;
    link('live', 'Live');
    refresh();
  });
  on('beat', ({ now: t }) => { skew = t - Date.now(); tests(); });
  on('call', (call) => {
    place(call);
    if (call.id === open) refresh();
    raise(call);
  });
  on('strip', ({ html }) => strip(html));
  on('alarms', ({ html }) => replace($('alarms'), fragment(html).firstElementChild));
  on('reset', reread);
  on('bye', signedOut);
  source.onerror = () => {
    link('lost', 'Reconnecting');
    if (source.readyState === EventSource.CLOSED) lost();
  };
}

// tests shows the tests of this screen that wait for a press. They come beside the
// events, so that nothing of a call waits for them.
async function tests() {
  try {
    const answer = await fetch('/tests', { headers: { Accept: 'text/html' } });
    if (!answer.ok) return;
    const band = fragment(await answer.text()).firstElementChild;
    if (band?.id === 'tests' && band.innerHTML !== $('tests').innerHTML && !$('tests').contains(document.activeElement)) replace($('tests'), band);
  } catch {
    // the next heartbeat asks again
  }
}

// lost tries again by hand where the browser gave up: it does so on any answer
// that is not a stream.
async function lost() {
  try {
    const answer = await fetch('/api/session', { headers: { Accept: 'application/json' } });
    if (answer.status === 401) return signedOut();
  } catch {
    // the server is away
  }
  setTimeout(connect, wait);
  wait = Math.min(wait * 2, 15_000);
}

// A line that is dead without saying so shows by missing heartbeats.
setInterval(() => {
  if (over || Date.now() - heard < 35_000) return;
  heard = Date.now();
  link('lost', 'Reconnecting');
  connect();
}, 5_000);

// reread takes the lists from a fresh page: too much was missed to be told one
// by one.
async function reread() {
  try {
    const answer = await fetch('/calls', { headers: { Accept: 'text/html' } });
    if (answer.status === 401) return signedOut();
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    for (const id of ['live-list', 'past-list', 'alarms', 'strip']) replace($(id), page.getElementById(id));
    ended.clear();
    mark(open);
    count();
    tick();
    refresh();
  } catch {
    // the next event comes with everything again
  }
}

addEventListener('online', connect);
addEventListener('pageshow', (e) => { if (e.persisted) connect(); });
connect();
tick();
showMap();
