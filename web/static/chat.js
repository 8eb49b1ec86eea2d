// A resident, a gridworker or a member of staff talks with 小马扎 on this page; nothing they send is lost when the line drops.

const params = new URLSearchParams(location.search);
const phone = params.get('phone');
const mine = `xiaomazha:${phone || 'me'}`;
const BUBBLES_KEPT = 300, PHOTOS_AT_ONCE = 9, PHOTO_BYTES = 10 * 1024 * 1024, PHOTO_SIDE = 1600;
const TEXT_LIMIT = 4000; // The server's limit: known here only so that 重发 is not offered in vain.
const ZONE = 'Asia/Shanghai';
const KINDS = { push: '提醒', notice: '通知' };
const MARKS = { sending: ['clock', '正在发送'], stored: ['check', '已收到'], refused: ['alert', '没有发出'] };
const WRITE_INSTEAD = '直接写小区和楼栋也行，例如：幸福里 3 栋。';

const el = Object.fromEntries([...document.querySelectorAll('[id]')].map((node) => [node.id, node]));
let socket = null, ready = false, tries = 0, asked = false, nextTry, bannerSoon, silence;
let tray = [], place = null, sendWhenUploaded = false;
let stick = true, unread = 0, lastRing = 0, lastAt = 0, lastTop = 0, order = 0, audio, typingEnds, tipEnds;
const nodes = new Map(), sentAt = new Map();

// ---- what this phone remembers ----

const store = (() => {
  try { localStorage.removeItem('xiaomazha'); return localStorage; } catch { /* A private window may refuse: then we remember until it is closed. */ }
  return Object.create({ getItem(key) { return this[key] ?? null; }, setItem(key, text) { this[key] = text; }, removeItem(key) { delete this[key]; } });
})();

function write(name, text) {
  try { store.setItem(mine + name, text); } catch { // Full: the old transcript goes before a new message does.
    store.removeItem(`${mine}:log`);
    if (name !== ':log') store.setItem(mine + name, text);
  }
}
function readJson(name, otherwise) {
  try { return JSON.parse(store.getItem(mine + name)) ?? otherwise; } catch { return otherwise; }
}
const forget = (name) => store.removeItem(mine + name);

// One key for each unsent message, so that two tabs of one person never overwrite each other's.
function unsent() {
  return Object.keys(store).filter((key) => key.startsWith(`${mine}:out:`))
    .map((key) => readJson(key.slice(mine.length), null)).filter(Boolean).sort((a, b) => a.order - b.order);
}

const readTranscript = () => new Map(readJson(':log', []).map((bubble) => [bubble.key, bubble]));
const keepTranscript = () => write(':log', JSON.stringify([...transcript.values()]));
let transcript = readTranscript();
let seen = readJson(':seen', 0);
let token = store.getItem(mine);

// randomUUID is missing where the page is served over plain http on a local network.
function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const hex = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}

// ---- drawing ----

function make(tag, className = '', ...inside) {
  const node = document.createElement(tag);
  if (tag === 'button') node.type = 'button';
  node.className = className;
  node.append(...inside);
  return node;
}
function button(className, act, label, ...inside) {
  const node = make('button', className, ...(inside.length ? inside : [label]));
  if (inside.length) node.setAttribute('aria-label', label);
  node.addEventListener('click', act);
  return node;
}
function icon(name) {
  const [svg, use] = ['svg', 'use'].map((tag) => document.createElementNS('http://www.w3.org/2000/svg', tag));
  use.setAttribute('href', `#icon-${name}`);
  svg.setAttribute('aria-hidden', 'true');
  svg.append(use);
  return svg;
}

function safeAddress(text) {
  try {
    const url = new URL(text, location.href);
    return url.protocol === 'https:' || url.origin === location.origin ? url.href : null;
  } catch { return null; }
}

// A path needs two parts: "/help" is something to say, "/chat/files/…" is somewhere to go.
const LINK = /https?:\/\/[^\s<>"'“”‘’，。；：！？、（）【】《》「」]+|\/[\w-]+\/[\w\-./?=&%#~:+]*/g;

function withLinks(text) {
  const words = make('p', 'words');
  let from = 0;
  for (const found of text.matchAll(LINK)) {
    const written = found[0].replace(/[.,;:!?)\]]+$/, '');
    const insideWord = written[0] === '/' && /[\w./:~%-]/.test(text[found.index - 1] || '');
    const address = !insideWord && safeAddress(written);
    if (!address) continue;
    words.append(text.slice(from, found.index), Object.assign(make('a', '', written), { href: address, target: '_blank', rel: 'noopener noreferrer' }));
    from = found.index + written.length;
  }
  words.append(text.slice(from));
  return words;
}

function photoGrid(photos) {
  const safe = photos.map(({ url, thumb }) => ({ url: safeAddress(url), thumb: safeAddress(thumb || url) })).filter(({ url, thumb }) => url && thumb);
  return make('div', `photos${safe.length === 1 ? ' one' : safe.length < 5 ? ' few' : ''}`, ...safe.map(({ url, thumb }) => {
    const image = Object.assign(make('img'), { src: thumb, alt: '照片', loading: 'lazy', decoding: 'async' });
    return button('', () => view(url), '看大图', image);
  }));
}
function view(address) {
  el.viewer.querySelector('img').src = address;
  el.viewer.showModal();
}
el.viewer.addEventListener('click', () => el.viewer.close());

function pin({ accuracy }) {
  return make('p', 'pin', icon('pin'), accuracy ? `我的位置（误差约 ${Math.max(1, Math.round(accuracy))} 米）` : '我的位置');
}

function draw(bubble) {
  const { key, side, kind, text, photos = [], position, choices = [], at } = bubble;
  const time = Date.parse(at);
  if (Math.abs(time - lastAt) > 5 * 60e3) el.log.append(Object.assign(make('time', 'when', readable(time)), { dateTime: at }));
  lastAt = time;

  const box = make('div', 'bubble');
  if (KINDS[kind]) box.append(make('p', 'kind', icon('bell'), KINDS[kind]));
  if (text) box.append(withLinks(text));
  if (photos.length) box.append(photoGrid(photos));
  if (position) box.append(pin(position));

  const turn = make('article', `turn ${side} ${KINDS[kind] ? kind : 'reply'}`);
  turn.dataset.testid = `bubble-${side}`;
  turn.append(make('div', 'row', ...(side === 'out' ? [make('span', 'mark')] : []), box));
  if (side === 'out') turn.append(make('div', 'why'));
  if (choices.length) turn.append(make('div', 'choices', ...choices.map(({ label }, index) => {
    const chip = button('choice', () => tap(key, index), label);
    chip.dataset.testid = 'choice';
    return chip;
  })));
  nodes.set(key, turn);
  paint(bubble);
  el.log.append(turn);
  el.empty.hidden = true;
  return turn;
}

// Changes what may change in a bubble already on the page: whether it is stored, refused, tapped.
function paint({ key, side, state, why, frame, chosen = null, stale, choices = [], text, photos }) {
  const turn = nodes.get(key);
  if (!turn) return;
  turn.querySelectorAll('.choice').forEach((chip, index) => {
    chip.disabled = chosen !== null || Boolean(stale);
    chip.classList.toggle('chosen', chosen === index);
    chip.ariaCurrent = chosen === index ? 'true' : null;
    chip.replaceChildren(...(chosen === index ? [icon('check')] : []), choices[index].label);
  });
  if (side !== 'out') return;
  const [name, label] = MARKS[state];
  turn.dataset.state = state;
  turn.querySelector('.mark').replaceChildren(icon(name), make('span', 'unseen', label));
  const reason = turn.querySelector('.why');
  reason.hidden = state !== 'refused';
  reason.replaceChildren(why || '');
  if (!frame) return;
  const again = () => { remove(key); say({ ...frame, photos: photos || [], shown: text }); };
  if ((frame.text || '').length <= TEXT_LIMIT) reason.append(button('', again, '重发'));
  if (frame.text && frame.text === text) reason.append(button('', () => { setInput(text); el.input.focus(); }, '修改'));
}

function drawAll() {
  nodes.clear();
  lastAt = 0;
  el.log.replaceChildren();
  el.empty.hidden = false;
  transcript.forEach(draw);
  follow();
}
function add(bubble) {
  transcript.set(bubble.key, bubble);
  draw(bubble).classList.add('new');
  if (bubble.side === 'out') stick = true;
  el.latest.hidden = stick;
  if (transcript.size > BUBBLES_KEPT) {
    const [oldest] = transcript.keys();
    transcript.delete(oldest);
    nodes.get(oldest)?.remove();
    nodes.delete(oldest);
    if (el.log.children[1]?.matches('time')) el.log.firstElementChild.remove();
  }
  follow();
  keepTranscript();
}
function change(bubble, facts) {
  paint(Object.assign(bubble, facts));
  keepTranscript();
}
function remove(key) {
  transcript.delete(key);
  keepTranscript();
  drawAll();
}

function readable(at) {
  const say = (time, options) => new Intl.DateTimeFormat('zh-CN', { timeZone: ZONE, ...options }).format(time);
  const day = (time) => Math.floor((time + 8 * 3600e3) / 86400e3); // China keeps one zone and no summer time.
  const clock = say(at, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const near = ['今天', '昨天'][day(Date.now()) - day(at)];
  if (near) return `${near} ${clock}`;
  const year = { year: 'numeric' };
  const date = say(at, { ...(say(at, year) === say(Date.now(), year) ? {} : year), month: 'long', day: 'numeric' });
  return `${date.replace(/[年月日]/g, ' $& ')}${clock}`;
}
setInterval(() => el.log.querySelectorAll('time').forEach((when) => { when.textContent = readable(Date.parse(when.dateTime)); }), 60e3);

const follow = () => { if (stick) el.scroll.scrollTop = el.scroll.scrollHeight; };
const sizes = new ResizeObserver(follow); // Photos load and keyboards open after the bubble was drawn.
[el.log, el.scroll, el.typing].forEach((node) => sizes.observe(node));
el.scroll.addEventListener('scroll', () => {
  const { scrollHeight, scrollTop, clientHeight } = el.scroll;
  // Only a hand scrolls upwards; a page that grows below us is still to be followed.
  stick = scrollHeight - scrollTop - clientHeight < 60 || (stick && scrollTop >= lastTop);
  lastTop = scrollTop;
  if (stick) el.latest.hidden = true;
}, { passive: true });
el.latest.addEventListener('click', () => { stick = true; el.latest.hidden = true; follow(); });

function typing(on) {
  clearTimeout(typingEnds);
  el.typing.hidden = !on;
  if (on) typingEnds = setTimeout(() => typing(false), 8000);
}
function tip(text) {
  clearTimeout(tipEnds);
  el.tip.textContent = text;
  el.tip.hidden = !text;
  if (text) tipEnds = setTimeout(() => tip(''), 4000 + text.length * 150);
}

// ---- the line to the server ----

async function newSession() {
  const answer = await fetch('/chat/session', {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(phone ? { phone } : {}),
  });
  if (!answer.ok) throw new Error(`session ${answer.status}`);
  ({ token } = await answer.json());
  write('', token);
  // A new session may count from 1 again; old buttons wait until the server repeats their message.
  seen = 0;
  write(':seen', '0');
  transcript.forEach((bubble) => { if (bubble.choices?.length) change(bubble, { stale: true }); });
}

async function connect() {
  clearTimeout(nextTry);
  if (socket) return;
  const here = socket = {}; // Holds the place while a session is fetched.
  expectSound();
  try { if (!token) await newSession(); } catch { return socket === here && hangUp(); }
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
const hello = () => { tell({ type: 'hello', token, after: seen }); expectSound(); };
const ping = () => { if (ready) { tell({ type: 'ping' }); expectSound(); } };
const checkLine = () => (socket ? ping() : connect());
setInterval(ping, 25e3);
window.addEventListener('online', checkLine);
document.addEventListener('visibilitychange', () => { if (!document.hidden) { showUnread(0); checkLine(); } });

const heard = {
  async who() {
    if (asked) return hangUp();
    asked = true;
    expectSound();
    const line = socket;
    const elsewhere = store.getItem(mine); // Another tab may already have been given the new token.
    try {
      if (elsewhere && elsewhere !== token) token = elsewhere; else await newSession();
      if (socket === line) hello();
    } catch { if (socket === line) hangUp(); }
  },
  welcome({ name, title, shortcuts = [] }) {
    ready = true;
    tries = 0;
    clearTimeout(bannerSoon);
    bannerSoon = undefined;
    el.banner.hidden = true;
    el.person.textContent = [title, name].filter(Boolean).join(' · ');
    el.shortcuts.hidden = shortcuts.length === 0;
    el.shortcuts.replaceChildren(...shortcuts.map(({ label, text }) => button('', () => say({ text }), label)));
    flush();
    tray.filter((tile) => tile.state === 'failed').forEach(upload);
  },
  pong: () => flush(),
  ack({ id }) {
    forget(`:out:${id}`);
    if (transcript.has(id)) change(transcript.get(id), { state: 'stored' });
  },
  refused({ id, text }) {
    const frame = readJson(`:out:${id}`, {}).frame;
    forget(`:out:${id}`);
    typing(false);
    if (transcript.has(id)) change(transcript.get(id), { state: 'refused', why: text, frame: frame?.type === 'say' ? frame : null });
    transcript.forEach((bubble) => { if (bubble.tap === id) change(bubble, { chosen: null, tap: null }); });
  },
  message({ no, id, text = '', at, kind = 'reply', choices = [], photos = [] }) {
    if (no <= seen) return;
    seen = no;
    typing(false);
    const key = `in-${no}-${at}`;
    if (transcript.has(key)) change(transcript.get(key), { id, stale: false });
    else add({ key, side: 'in', no, id, text, kind, choices, photos, at: Number.isNaN(Date.parse(at)) ? new Date().toISOString() : at });
    write(':seen', String(seen)); // After the bubble: a crash between the two must repeat it, not lose it.
    if (document.hidden) showUnread(unread + 1);
    if (KINDS[kind]) ring();
  },
};

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
  }
}

function say({ text = '', photos = [], position, shown = text }) {
  const frame = { type: 'say', id: newId() };
  if (text) frame.text = text;
  if (photos.length) frame.photos = photos.map((photo) => photo.id);
  if (position) frame.position = { latitude: position.latitude, longitude: position.longitude };
  post(frame, { text: shown, photos, position });
}

function tap(key, index) {
  const bubble = transcript.get(key);
  if ((bubble.chosen ?? null) !== null) return;
  const id = newId();
  change(bubble, { chosen: index, tap: id });
  post({ type: 'tap', id, message: bubble.id, choice: index }, { text: bubble.choices[index].label });
}

// A code printed on a wall opens /chat?start=…; reloading the page must not say it again.
function sayWhereWeCameFrom() {
  const payload = params.get('start');
  const before = readJson(':started', []);
  if (!payload || before.includes(payload)) return;
  write(':started', JSON.stringify([...before, payload]));
  say({ text: `/start ${payload}`, shown: '扫码进入' });
}

// ---- the composer ----

function setInput(text) {
  el.input.value = text;
  fitInput();
}
function fitInput() {
  el.input.style.height = 'auto';
  el.input.style.height = `${el.input.scrollHeight + 2}px`;
}
el.input.addEventListener('input', fitInput);
el.input.addEventListener('keydown', (event) => {
  // 229: Safari reports the Enter that picks a word after composition has ended.
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  sendComposed();
});
el.composer.addEventListener('submit', (event) => { event.preventDefault(); sendComposed(); });

function sendComposed() {
  const text = el.input.value.trim();
  sendWhenUploaded = tray.some((tile) => tile.state === 'busy');
  if (sendWhenUploaded) return tip('照片还在上传，传完就自动发出。');
  if (tray.some((tile) => tile.state === 'failed')) return tip('有照片还没传上去：点它重试，或点 × 去掉。');
  if (!text && !tray.length && !place) return el.input.focus();
  say({ text, photos: tray.map(({ id, url }) => ({ id, url })), position: place });
  tray = [];
  place = null;
  setInput('');
  tip('');
  showTray();
}

el.photo.addEventListener('click', () => el.file.click());
el.file.addEventListener('change', () => { addPhotos([...el.file.files]); el.file.value = ''; });

async function addPhotos(files) {
  const room = PHOTOS_AT_ONCE - tray.length;
  if (files.length > room) tip(`一次最多 ${PHOTOS_AT_ONCE} 张照片，多出来的请下一条再发。`);
  const tiles = files.slice(0, room).map((file) => ({ file, state: 'busy', done: 0 }));
  tray.push(...tiles);
  showTray();
  for (const tile of tiles) { // One after another: nine decoded photos at once are too much for an old phone.
    Object.assign(tile, await shrink(tile.file));
    if (!tray.includes(tile)) continue;
    if (tile.file.size <= PHOTO_BYTES) upload(tile);
    else drop(tile, '这张照片超过 10 MB，太大了。请换一张小一些的，或截个图再发。');
  }
}

function drawn(picture, longest) {
  const ratio = Math.min(1, longest / Math.max(picture.width, picture.height));
  const [width, height] = [picture.width, picture.height].map((side) => Math.max(1, Math.round(side * ratio)));
  const canvas = Object.assign(make('canvas'), { width, height });
  const brush = canvas.getContext('2d');
  brush.fillStyle = '#fff'; // JPEG has no transparency.
  brush.fillRect(0, 0, width, height);
  brush.drawImage(picture, 0, 0, width, height);
  return canvas;
}
// Also leaves the camera's hidden notes (place, time, model) behind.
async function shrink(file) {
  try {
    const picture = await createImageBitmap(file);
    const blob = await new Promise((done) => { drawn(picture, PHOTO_SIDE).toBlob(done, 'image/jpeg', 0.85); });
    return { file: blob || file, preview: drawn(picture, 228) };
  } catch { return { file }; } // A format this browser cannot read: the server decides.
}

function upload(tile) {
  const ask = tile.ask = new XMLHttpRequest(); // fetch cannot tell how far an upload is.
  const form = new FormData();
  form.append('photo', tile.file, tile.file.name || 'photo.jpg');
  const fail = () => { tile.state = 'failed'; sendWhenUploaded = false; showTray(); };
  ask.open('POST', '/chat/photos');
  ask.setRequestHeader('Authorization', `Bearer ${token}`);
  Object.assign(ask, { responseType: 'json', timeout: 120e3, onerror: fail, ontimeout: fail });
  ask.upload.onprogress = ({ loaded, total }) => { tile.done = loaded / total; if (tile.bar) tile.bar.value = tile.done; };
  ask.onload = () => {
    if (ask.status === 401 || ask.status >= 500) return fail(); // The line will be renewed, then we try again.
    if (ask.status !== 200) return drop(tile, ask.response?.text || '这张照片没能收下，请换一张试试。');
    Object.assign(tile, { state: 'done', id: ask.response.id, url: ask.response.url });
    showTray();
    if (sendWhenUploaded) sendComposed();
  };
  tile.state = 'busy';
  showTray();
  ask.send(form);
}

function drop(tile, why = '') {
  tray = tray.filter((other) => other !== tile);
  tile.ask?.abort();
  sendWhenUploaded = false;
  showTray();
  tip(why);
}

function showTray() {
  const items = tray.map((tile, index) => {
    const item = make('li', `tile ${tile.state}`, tile.preview || icon('photo'));
    Object.assign(item.dataset, { testid: 'tile', state: tile.state });
    tile.bar = tile.state === 'busy' ? Object.assign(make('progress'), { max: 1, value: tile.done, ariaLabel: '上传进度' }) : null;
    if (tile.bar) item.append(tile.bar);
    if (tile.state === 'failed') item.append(button('again', () => upload(tile), '点此重试'));
    item.append(button('remove', () => drop(tile), `去掉第 ${index + 1} 张照片`, icon('cross')));
    return item;
  });
  if (place) items.push(make('li', 'place', pin(place), button('remove', () => { place = null; showTray(); }, '去掉位置', icon('cross'))));
  el.tray.hidden = items.length === 0;
  el.tray.replaceChildren(...items);
}

el.locate.addEventListener('click', () => {
  if (!navigator.geolocation || !isSecureContext) return tip(`这个浏览器在这里拿不到定位。${WRITE_INSTEAD}`);
  el.locate.setAttribute('aria-busy', 'true');
  const done = (text = '') => { el.locate.removeAttribute('aria-busy'); tip(text); };
  navigator.geolocation.getCurrentPosition(
    ({ coords: { latitude, longitude, accuracy } }) => { place = { latitude, longitude, accuracy }; done(); showTray(); },
    ({ code }) => done(`${code === 1 ? '没有允许定位，没关系。' : '暂时定不到位，可能是楼里信号弱。'}${WRITE_INSTEAD}`),
    { enableHighAccuracy: true, timeout: 12e3, maximumAge: 60e3 },
  );
});

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

// ---- neighbours: the page of three phones, and other tabs of the same person ----

window.addEventListener('message', ({ origin, source, data }) => {
  if (origin !== location.origin || source !== window.parent || data?.type !== 'example') return;
  const draft = el.input.value;
  setInput(String(data.text));
  setTimeout(() => { say({ text: String(data.text) }); setInput(draft); }, 600); // Long enough to be read.
});
window.addEventListener('storage', ({ key }) => {
  if (key !== `${mine}:log`) return;
  transcript = readTranscript();
  drawAll();
});

drawAll();
sayWhereWeCameFrom();
connect();
