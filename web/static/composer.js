// What somebody is about to say: the words, the photos on their way up, the place.

import { button, el, icon, make, pin } from './bubbles.js';
import { say } from './line.js';
import { memory } from './memory.js';

const PHOTOS_AT_ONCE = 9, PHOTO_BYTES = 10 * 1024 * 1024, PHOTO_SIDE = 1600;
const WRITE_INSTEAD = '直接写小区和楼栋也行，例如：幸福里 3 栋。';

let tray = [], place = null, sendWhenUploaded = false, tipEnds;

function tip(text) {
  clearTimeout(tipEnds);
  el.tip.textContent = text;
  el.tip.hidden = !text;
  if (text) tipEnds = setTimeout(() => tip(''), 4000 + text.length * 150);
}

export function setInput(text) {
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
el.send.disabled = false; // Pressed before anybody listens, it would send nothing and say nothing.

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

// ---- photos ----

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
  if (!memory.token) return fail(); // Too early: the line tries again once it stands.
  ask.open('POST', '/chat/photos');
  ask.setRequestHeader('Authorization', `Bearer ${memory.token}`);
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

export const uploadAgain = () => tray.filter((tile) => tile.state === 'failed').forEach(upload);

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

// ---- the place ----

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
