// A resident, a gridworker or a member of staff talks with 小马扎 on this page; nothing they send is lost when the line drops.

import { KINDS, add, button, change, drawAll, el, remove, typing, whenPressed } from './bubbles.js';
import { setInput, uploadAgain } from './composer.js';
import { checkLine, lineIsUp, openLine, say, tap } from './line.js';
import { forget, keepSeen, memory, onTranscriptElsewhere, params, phone, readJson } from './memory.js';

let unread = 0, lastRing = 0, audio;

const heard = {
  welcome({ name, title, shortcuts = [] }) {
    el.person.textContent = [title, name].filter(Boolean).join(' ');
    el.shortcuts.hidden = shortcuts.length === 0;
    el.shortcuts.replaceChildren(...shortcuts.map(({ label, text }) => button('', () => say({ text }), label)));
    lineIsUp();
    uploadAgain();
  },
  ack({ id }) {
    forget(`:out:${id}`);
    if (memory.transcript.has(id)) change(memory.transcript.get(id), { state: 'stored' });
  },
  refused({ id, text }) {
    const frame = readJson(`:out:${id}`, {}).frame;
    forget(`:out:${id}`);
    typing(false);
    if (memory.transcript.has(id)) change(memory.transcript.get(id), { state: 'refused', why: text, frame: frame?.type === 'say' ? frame : null });
    memory.transcript.forEach((bubble) => { if (bubble.tap === id) change(bubble, { chosen: null, tap: null }); });
  },
  message({ no, id, text = '', at, kind = 'reply', choices = [], photos = [] }) {
    if (no <= memory.seen) return;
    typing(false);
    const key = `in-${no}-${at}`;
    if (memory.transcript.has(key)) change(memory.transcript.get(key), { id, stale: false });
    else add({ key, side: 'in', no, id, text, kind, choices, photos, at: Number.isNaN(Date.parse(at)) ? new Date().toISOString() : at });
    keepSeen(no); // After the bubble: a crash between the two must repeat it, not lose it.
    if (document.hidden) showUnread(unread + 1);
    if (KINDS[kind]) ring();
  },
};

Object.assign(whenPressed, {
  choice: tap,
  again(key, words) { remove(key); say(words); },
  edit(text) { setInput(text); el.input.focus(); },
});

// A mouse wheel only turns up and down; the row of shortcuts goes sideways.
el.shortcuts.addEventListener('wheel', (event) => {
  if (event.deltaX || el.shortcuts.scrollWidth <= el.shortcuts.clientWidth) return;
  event.preventDefault();
  el.shortcuts.scrollLeft += event.deltaY;
}, { passive: false });

// A code printed on a wall opens /chat?start=…: said once and taken out of the address, so that reloading the page
// does not say it again and scanning the code again does.
function sayWhereWeCameFrom() {
  const payload = params.get('start');
  if (!payload) return;
  params.delete('start');
  history.replaceState(null, '', `${location.pathname}${phone ? `?${params}` : ''}`);
  say({ text: `/start ${payload}`, shown: '扫码进入' });
}

// ---- calling for attention ----

function showUnread(count) {
  unread = count;
  document.title = unread ? `(${unread}) 小马扎` : '小马扎';
}

function ring() {
  const host = window.parent;
  if (host !== window) host.postMessage({ type: 'ring', phone }, location.origin);
  if (Date.now() - lastRing < 1500) return; // Twenty missed messages sound once.
  lastRing = Date.now();
  try {
    // Beside other phones the shared page makes the sound: a touch on any of the three allows it for all.
    if (!host.navigator.userActivation?.hasBeenActive) return;
    audio ??= new host.AudioContext();
    ding(audio);
    host.navigator.vibrate?.(60);
  } catch { /* framed by a stranger, or no sound on this phone */ }
}

function ding(context) {
  for (const [pitch, delay] of [[784, 0], [1175, 0.11]]) {
    const start = context.currentTime + delay;
    const tone = context.createOscillator(), volume = context.createGain();
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.12, start);
    volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.5);
    tone.connect(volume).connect(context.destination);
    tone.start(start);
    tone.stop(start + 0.55);
  }
}

document.addEventListener('visibilitychange', () => { if (!document.hidden) { showUnread(0); checkLine(); } });

// ---- neighbours: the page of three phones, and other tabs of the same person ----

window.addEventListener('message', ({ origin, source, data }) => {
  if (origin !== location.origin || source !== window.parent || data?.type !== 'example') return;
  const draft = el.input.value;
  setInput(String(data.text));
  setTimeout(() => { say({ text: String(data.text) }); setInput(draft); }, 600); // Long enough to be read.
});
onTranscriptElsewhere(drawAll);

drawAll();
sayWhereWeCameFrom();
openLine(heard);
