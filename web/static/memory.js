// What this phone remembers between visits: who it is, what was said, and what is still to be sent.

export const params = new URLSearchParams(location.search);
export const phone = params.get('phone');
const mine = `xiaomazha:${phone || 'me'}`;

const store = (() => {
  try { localStorage.removeItem('xiaomazha'); return localStorage; } catch { /* A private window may refuse: then we remember until it is closed. */ }
  return Object.create({ getItem(key) { return this[key] ?? null; }, setItem(key, text) { this[key] = text; }, removeItem(key) { delete this[key]; } });
})();

export function write(name, text) {
  try { store.setItem(mine + name, text); } catch { // Full: the old transcript goes before a new message does.
    store.removeItem(`${mine}:log`);
    if (name !== ':log') store.setItem(mine + name, text);
  }
}
export function readJson(name, otherwise) {
  try { return JSON.parse(store.getItem(mine + name)) ?? otherwise; } catch { return otherwise; }
}
export const forget = (name) => store.removeItem(mine + name);

// One key for each unsent message, so that two tabs of one person never overwrite each other's.
export function unsent() {
  return Object.keys(store).filter((key) => key.startsWith(`${mine}:out:`))
    .map((key) => readJson(key.slice(mine.length), null)).filter(Boolean).sort((a, b) => a.order - b.order);
}

const readTranscript = () => new Map(readJson(':log', []).map((bubble) => [bubble.key, bubble]));
export const memory = { transcript: readTranscript(), seen: readJson(':seen', 0), token: store.getItem(mine) };

export const keepTranscript = () => write(':log', JSON.stringify([...memory.transcript.values()]));
export function keepSeen(no) {
  memory.seen = no;
  write(':seen', String(no));
}
export function keepToken(token) {
  memory.token = token;
  write('', token);
}
export const tokenElsewhere = () => store.getItem(mine); // Another tab may already have been given a new one.

// Another tab of the same person wrote the transcript.
export function onTranscriptElsewhere(draw) {
  window.addEventListener('storage', ({ key }) => {
    if (key !== `${mine}:log`) return;
    memory.transcript = readTranscript();
    draw();
  });
}

// randomUUID is missing where the page is served over plain http on a local network.
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const hex = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}
