// The conversation as it is seen: every bubble, its photos and its buttons.

import { keepTranscript, memory } from './memory.js';

const BUBBLES_KEPT = 300;
const ZONE = 'Asia/Shanghai';
export const KINDS = { push: '提醒', notice: '通知' };
const MARKS = { sending: ['clock', '正在发送'], stored: ['check', '已收到'], refused: ['alert', '没有发出'] };

export const el = Object.fromEntries([...document.querySelectorAll('[id]')].map((node) => [node.id, node]));
// What the buttons under a bubble do; chat.js says it.
export const whenPressed = { choice: null, again: null, edit: null };

let stick = true, lastAt = 0, lastTop = 0, typingEnds;
const nodes = new Map();

export function make(tag, className = '', ...inside) {
  const node = document.createElement(tag);
  if (tag === 'button') node.type = 'button';
  node.className = className;
  node.append(...inside);
  return node;
}
export function button(className, act, label, ...inside) {
  const node = make('button', className, ...(inside.length ? inside : [label]));
  if (inside.length) node.setAttribute('aria-label', label);
  node.addEventListener('click', act);
  return node;
}
export function icon(name) {
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

export function pin({ accuracy }) {
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
    const chip = button('choice', () => whenPressed.choice(key, index), label);
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
  reason.append(button('', () => whenPressed.again(key, { ...frame, photos: photos || [], shown: text }), '重发'));
  if (frame.text && frame.text === text) reason.append(button('', () => whenPressed.edit(text), '修改'));
}

export function drawAll() {
  nodes.clear();
  lastAt = 0;
  el.log.replaceChildren();
  el.empty.hidden = false;
  memory.transcript.forEach(draw);
  follow();
}
export function add(bubble) {
  memory.transcript.set(bubble.key, bubble);
  draw(bubble).classList.add('new');
  if (bubble.side === 'out') stick = true;
  el.latest.hidden = stick;
  if (memory.transcript.size > BUBBLES_KEPT) {
    const [oldest] = memory.transcript.keys();
    memory.transcript.delete(oldest);
    nodes.get(oldest)?.remove();
    nodes.delete(oldest);
    if (el.log.children[1]?.matches('time')) el.log.firstElementChild.remove();
  }
  follow();
  keepTranscript();
}
export function change(bubble, facts) {
  paint(Object.assign(bubble, facts));
  keepTranscript();
}
export function remove(key) {
  memory.transcript.delete(key);
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

export function typing(on) {
  clearTimeout(typingEnds);
  el.typing.hidden = !on;
  if (on) typingEnds = setTimeout(() => typing(false), 8000);
}
