// A visitor watches one report travel: the resident's phone speaks, the gridworker's and the staff's ring.

const EXAMPLE = '报事 幸福里 3 栋楼下路灯不亮';
const el = Object.fromEntries([...document.querySelectorAll('[id]')].map((node) => [node.id, node]));
const phones = new Map();
const narrow = matchMedia('(max-width: 999px)');
const still = matchMedia('(prefers-reduced-motion: reduce)');
let front = null;

function make(tag, facts = {}, ...inside) {
  const node = Object.assign(document.createElement(tag), facts);
  node.append(...inside);
  return node;
}

function place({ key, title, name }) {
  const address = `/chat?phone=${encodeURIComponent(key)}`;
  const screen = make('iframe', { src: address, title: `${title}的手机：${name}` });
  const alone = make('a', { href: address, target: '_blank', rel: 'noopener', textContent: '单独打开' });
  const frame = make('figure', { className: 'phone', id: `phone-${key}` },
    make('figcaption', {}, make('b', { textContent: title }), make('span', { textContent: name }), alone),
    make('div', { className: 'case' }, screen));
  frame.dataset.testid = `phone-${key}`;
  const badge = make('i', { hidden: true });
  const tab = make('button', { type: 'button' }, make('span', {}, title, badge));
  tab.dataset.testid = `tab-${key}`;
  tab.setAttribute('role', 'tab');
  tab.setAttribute('aria-controls', frame.id);
  tab.addEventListener('click', () => bringForward(key));
  phones.set(key, { key, title, screen, frame, tab, badge, rings: 0 });
  el.tabs.append(tab);
  el.phones.append(frame);
  whoIsInView.observe(frame);
  return new Promise((loaded) => { screen.addEventListener('load', loaded, { once: true }); });
}

const whoIsInView = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting && narrow.matches) nowInFront([...phones.values()].find(({ frame }) => frame === target).key);
  }
}, { root: el.phones, threshold: 0.6 });

function bringForward(key) {
  phones.get(key).frame.scrollIntoView({ behavior: still.matches ? 'auto' : 'smooth', inline: 'center', block: 'nearest' });
}

function nowInFront(key) {
  front = key;
  for (const phone of phones.values()) {
    phone.tab.setAttribute('aria-selected', String(phone.key === key));
    if (phone.key === key) count(phone, 0);
  }
}

function count(phone, rings) {
  phone.rings = rings;
  phone.badge.hidden = rings === 0;
  phone.badge.textContent = rings > 99 ? '99+' : rings;
  phone.badge.setAttribute('aria-label', `${rings} 条新提醒`);
}

function ring(phone) {
  if (narrow.matches && phone.key !== front) count(phone, phone.rings + 1);
  el.said.textContent = `${phone.title}的手机响了`;
  for (const node of [phone.frame, phone.tab]) {
    node.classList.remove('ringing');
    void node.offsetWidth; // Starts the animation again when a second message follows at once.
    node.classList.add('ringing');
  }
  clearTimeout(phone.rest);
  phone.rest = setTimeout(() => [phone.frame, phone.tab].forEach((node) => node.classList.remove('ringing')), 2500);
}

window.addEventListener('message', ({ origin, source, data }) => {
  if (origin !== location.origin || data?.type !== 'ring') return;
  const phone = [...phones.values()].find(({ screen }) => screen.contentWindow === source);
  if (phone) ring(phone);
});

el.example.addEventListener('click', () => {
  const speaker = phones.get('resident') ?? phones.values().next().value;
  if (narrow.matches) bringForward(speaker.key);
  speaker.screen.contentWindow.postMessage({ type: 'example', text: EXAMPLE }, location.origin);
});

function explain(text) {
  el.phones.replaceChildren(make('div', { className: 'away' }, make('p', { textContent: text }), make('a', { href: '/chat', textContent: '打开聊天页' })));
}

async function lay() {
  const answer = await fetch('/chat/phones');
  if (answer.status === 404) {
    el.line.hidden = el.example.hidden = true;
    return explain('这里没有打开示例。');
  }
  if (!answer.ok) throw new Error(`phones ${answer.status}`);
  const loaded = (await answer.json()).map(place);
  el.tabs.hidden = false;
  nowInFront(phones.keys().next().value);
  await Promise.all(loaded);
  el.example.disabled = false;
}

lay().catch(() => explain('暂时连不上服务，请稍后刷新。'));
