// The sound of a new 911 call: two tones, made here so that no file can be
// missing. Off until somebody turns it on, because browsers play nothing before.

const key = 'callbox.sound';
let on = localStorage.getItem(key) === 'on';
let audio = null;
let timer = 0;
let rounds = 0;
const ringing = new Set();

export const soundOn = () => on;

// blocked reports that sound is wanted and the browser lets none out yet.
export const blocked = () => on && audio?.state !== 'running';

export function setSound(value) {
  on = value;
  localStorage.setItem(key, on ? 'on' : 'off');
  if (on) {
    wake();
    if (audio.state === 'running') tones(0.08); // so that it is known how it sounds
    else audio.addEventListener('statechange', () => tones(0.08), { once: true });
  } else {
    hush();
  }
}

function wake() {
  if (!audio) {
    audio = new AudioContext();
    audio.addEventListener('statechange', () => dispatchEvent(new Event('callbox:sound')));
  }
  if (audio.state !== 'running') audio.resume().catch(() => {});
}
// A browser lets sound out only after a first press anywhere on the page.
addEventListener('pointerdown', () => { if (on) wake(); }, { passive: true });
addEventListener('keydown', () => { if (on) wake(); });
if (on) wake(); // tells at once whether it may

function tones(volume) {
  if (!audio || audio.state !== 'running') return;
  [[0, 880], [0.22, 1174.66], [0.44, 880]].forEach(([at, frequency]) => {
    const t = audio.currentTime + at;
    const osc = audio.createOscillator();
    const gain = audio.createGain();
    osc.frequency.value = frequency;
    gain.gain.setValueAtTime(0.0001, t);
    gain.gain.exponentialRampToValueAtTime(volume, t + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.0001, t + 0.2);
    osc.connect(gain).connect(audio.destination);
    osc.start(t);
    osc.stop(t + 0.21);
  });
}

// alarm sounds until it is silenced, its call is opened, or a minute has gone.
export function alarm(id) {
  if (!on) return;
  ringing.add(id);
  wake();
  rounds = 0;
  if (timer) return;
  const round = () => {
    tones(0.25);
    if (++rounds >= 24) hush();
  };
  timer = setInterval(round, 2_500);
  round();
}

// hush ends the sound for one call, or for all.
export function hush(id) {
  if (id) ringing.delete(id);
  else ringing.clear();
  if (ringing.size > 0) return;
  clearInterval(timer);
  timer = 0;
  dispatchEvent(new Event('callbox:hushed'));
}
