// The line to the server: opened again when it drops, noticed when it is dead; what was said waits here until it is acknowledged.

import { add, change, el, typing } from './bubbles.js';
import { keepSeen, keepToken, memory, newId, phone, tokenElsewhere, unsent, write } from './memory.js';

// The server answers a text this long kindly; a frame over its 64 KB it would cut the line for, again and again.
const LONGEST = 5000;

let socket = null, ready = false, tries = 0, asked = false, order = 0, nextTry, bannerSoon, silence;
const sentAt = new Map();
const heard = { who, pong: flush };

// `others`: what to do with the frames that are not the line's own business.
export function openLine(others) {
  Object.assign(heard, others);
  setInterval(ping, 25e3);
  window.addEventListener('online', checkLine);
  window.addEventListener('offline', hangUp); // The socket would look open for half a minute more.
  connect();
}

async function newSession() {
  const answer = await fetch('/chat/session', {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(phone ? { phone } : {}),
  });
  if (!answer.ok) throw new Error(`session ${answer.status}`);
  keepToken((await answer.json()).token);
  // A new session may count from 1 again; old buttons wait until the server repeats their message.
  keepSeen(0);
  memory.transcript.forEach((bubble) => { if (bubble.choices?.length) change(bubble, { stale: true }); });
}

async function connect() {
  clearTimeout(nextTry);
  if (socket) return;
  const here = socket = {}; // Holds the place while a session is fetched.
  expectSound();
  try { if (!memory.token) await newSession(); } catch { return socket === here && hangUp(); }
  if (socket !== here) return;
  asked = false;
  const line = socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/chat/ws`);
  line.onopen = hello;
  line.onclose = () => { if (socket === line) hangUp(); };
  line.onmessage = ({ data }) => {
    if (socket !== line) return;
    clearTimeout(silence);
    const frame = JSON.parse(data);
    heard[frame.type]?.(frame);
  };
}

// A phone that changed networks keeps a socket that looks open and is dead.
function expectSound() {
  clearTimeout(silence);
  silence = setTimeout(hangUp, 10e3);
}

function hangUp() {
  const line = socket;
  socket = null;
  ready = false;
  clearTimeout(silence);
  line?.close?.();
  typing(false);
  bannerSoon ??= setTimeout(() => { el.banner.hidden = false; }, 400); // A blink of the line is not worth a banner.
  const wait = Math.min(8000, 500 * 2 ** tries++);
  clearTimeout(nextTry);
  nextTry = setTimeout(connect, wait * (0.6 + Math.random() * 0.4));
}

const tell = (frame) => socket.send(JSON.stringify(frame));
const hello = () => { tell({ type: 'hello', token: memory.token, after: memory.seen }); expectSound(); };
const ping = () => { if (ready) { tell({ type: 'ping' }); expectSound(); } };
export const checkLine = () => (socket ? ping() : connect());

async function who() {
  if (asked) return hangUp();
  asked = true;
  expectSound();
  const line = socket, elsewhere = tokenElsewhere();
  try {
    if (elsewhere && elsewhere !== memory.token) memory.token = elsewhere; else await newSession();
    if (socket === line) hello();
  } catch { if (socket === line) hangUp(); }
}

// The server knows who we are: what waits is sent.
export function lineIsUp() {
  ready = true;
  tries = 0;
  clearTimeout(bannerSoon);
  bannerSoon = undefined;
  el.banner.hidden = true;
  flush();
}

// ---- saying something ----

function post(frame, bubble) {
  order = Math.max(order + 1, Date.now() * 1000);
  write(`:out:${frame.id}`, JSON.stringify({ order, frame }));
  add({ key: frame.id, side: 'out', at: new Date().toISOString(), state: 'sending', ...bubble });
  flush();
}

// Safe to run often: the server drops what it already has, and we wait 10 s before repeating on a living line.
function flush() {
  if (!ready) return;
  for (const { frame } of unsent()) {
    const last = sentAt.get(frame.id);
    if (last?.line === socket && Date.now() - last.at < 10e3) continue;
    sentAt.set(frame.id, { line: socket, at: Date.now() });
    tell(frame);
    typing(true);
    expectSound();
  }
}

export function say({ text = '', photos = [], position, shown = text }) {
  const frame = { type: 'say', id: newId() };
  if (text) frame.text = text.slice(0, LONGEST);
  if (photos.length) frame.photos = photos.map((photo) => photo.id);
  if (position) frame.position = { latitude: position.latitude, longitude: position.longitude };
  post(frame, { text: shown, photos, position });
}

export function tap(key, index) {
  const bubble = memory.transcript.get(key);
  if ((bubble.chosen ?? null) !== null) return;
  const id = newId();
  change(bubble, { chosen: index, tap: id });
  post({ type: 'tap', id, message: bubble.id, choice: index }, { text: bubble.choices[index].label });
}
