// Staff sign in, see what residents asked in vain, and answer once for everybody who asked.

import { ask, newKey } from "./asking.js";

const $ = (id) => document.getElementById(id);
const made = (tag, className, text) => {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
};

let opened = null; // The question being answered.
let next = null; // Where the list goes on.
let ready = null; // What was looked at and may be sent: { body, key }.
let chosen = null; // The entry it is said to be.
let last = null; // The answer that can be taken back: { answer, key }.
const drafts = new Map();

// What is shown.

function show(view, title) {
  for (const id of ["door", "list", "answer"]) $(id).hidden = id !== view;
  $("back").hidden = view !== "answer";
  $("stool").hidden = view === "answer";
  $("leave").hidden = view !== "list";
  $("title").textContent = title;
  $("trouble").hidden = true;
  $("scroll").scrollTop = 0;
}

function tell(trouble) {
  if (trouble.code === "page.sign_in") {
    door();
    return;
  }
  $("trouble").textContent = trouble.message;
  $("trouble").hidden = false;
  $("trouble").scrollIntoView({ block: "nearest" });
}

// Do something that asks the service; one press, one thing.
async function doing(button, work) {
  if (button?.disabled) return;
  $("trouble").hidden = true;
  if (button) button.disabled = true;
  try {
    await work();
  } catch (trouble) {
    if (trouble.status === undefined) throw trouble;
    tell(trouble);
  } finally {
    if (button) button.disabled = false;
  }
}

// The door.

function door() {
  $("person").textContent = "";
  $("done").hidden = true;
  show("door", "小马扎");
}

$("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  doing($("enter").querySelector("button"), async () => {
    const me = await ask("POST", "/api/session", { code: $("code").value });
    $("code").value = "";
    await inside(me);
  });
});

$("leave").addEventListener("click", () =>
  doing($("leave"), async () => {
    await ask("DELETE", "/api/session");
    drafts.clear();
    door();
  }),
);

async function inside(me) {
  const areas = [...new Set(me.roles.map((held) => held.area_name))].join("、");
  $("person").textContent = [me.name, areas].filter(Boolean).join(" · ");
  if (me.answers) await list();
  else {
    show("list", "小马扎");
    $("questions").replaceChildren();
    $("more").hidden = $("nothing").hidden = true;
    $("elsewhere").hidden = false;
  }
}

// What was asked.

async function list() {
  const page = await ask("GET", "/api/questions");
  opened = null;
  show("list", "未答问题");
  $("questions").replaceChildren(...page.questions.map(card));
  next = page.next;
  $("more").hidden = next === null;
  $("nothing").hidden = page.questions.length > 0;
  $("elsewhere").hidden = true;
}

$("more").addEventListener("click", () =>
  doing($("more"), async () => {
    const page = await ask("GET", `/api/questions?cursor=${encodeURIComponent(next)}`);
    $("questions").append(...page.questions.map(card));
    next = page.next;
    $("more").hidden = next === null;
  }),
);

function card(question) {
  const button = made("button", "asking", "");
  button.type = "button";
  button.dataset.testid = "asking";
  const askers = made("span", "askers", question.askers);
  askers.append(made("small", "", "人问"));
  const words = made("div", "", "");
  words.append(made("p", "first", question.words));
  const others = question.wordings.slice(1).join(" / ");
  if (others) words.append(made("p", "other", `也这样问：${others}`));
  button.append(askers, words);
  button.addEventListener("click", () => {
    history.pushState({ question: question.id }, "");
    open(question);
  });
  return button;
}

// The answer.

function open(question) {
  opened = question;
  chosen = null;
  $("done").hidden = true;
  const parts = [made("p", "count", `${question.askers} 人问过`), made("p", "first", question.words)];
  for (const words of question.wordings.slice(1)) parts.push(made("p", "other", `也这样问：${words}`));
  for (const each of question.shown)
    parts.push(made("p", "other", `看过「${each.question}」：${each.useful} 人有用，${each.useless} 人没答上`));
  $("asked").replaceChildren(...parts);
  const draft = drafts.get(question.id) ?? {};
  for (const field of $("write").querySelectorAll("[name]")) {
    field.value = draft[field.name] ?? "";
    field.classList.remove("wrong");
  }
  $("question").value ||= question.words.slice(0, 100);
  $("find").value = "";
  $("until").min = new Date().toLocaleDateString("sv");
  $("found").replaceChildren();
  way("entry");
  show("answer", "答一次");
}

function way(name) {
  for (const button of document.querySelectorAll(".ways button")) {
    button.setAttribute("aria-pressed", button.dataset.way === name);
  }
  for (const part of $("write").querySelectorAll("fieldset")) {
    part.hidden = part.disabled = part.dataset.way !== name;
  }
  write();
  if (name === "phrasing" && !$("found").children.length) find(opened.words);
}

for (const button of document.querySelectorAll(".ways button")) {
  button.addEventListener("click", () => way(button.dataset.way));
}

// Back from the preview to the form.
function write() {
  ready = null;
  $("preview").hidden = true;
  $("write").hidden = false;
}

let finding = 0;
async function find(words) {
  const number = ++finding;
  await doing(null, async () => {
    const { entries } = await ask("GET", `/api/entries?q=${encodeURIComponent(words.slice(0, 200))}`);
    // An older search that comes late shows nothing.
    if (number !== finding) return;
    chosen = null;
    $("found").replaceChildren(...entries.map(choice));
    if (!entries.length) $("found").append(made("p", "", "没找到像的，换几个字试试。"));
  });
}

let pause = 0;
$("find").addEventListener("input", () => {
  clearTimeout(pause);
  const words = $("find").value.trim();
  if (words.length >= 2) pause = setTimeout(() => find(words), 300);
});

function choice(entry) {
  const button = made("button", "", entry.question);
  button.type = "button";
  button.setAttribute("role", "radio");
  button.setAttribute("aria-checked", "false");
  button.append(made("small", "", `${entry.department}，核对日期 ${entry.checked}`));
  button.addEventListener("click", () => {
    chosen = entry.entry;
    for (const each of $("found").querySelectorAll("button")) each.setAttribute("aria-checked", each === button);
  });
  return button;
}

$("write").addEventListener("input", (event) => {
  event.target.classList.remove("wrong");
  if (!opened) return;
  const fields = $("write").querySelectorAll("[name]");
  drafts.set(opened.id, Object.fromEntries(Array.from(fields, (field) => [field.name, field.value])));
});

// What is to be sent, or nothing when something is missing; the first such field is shown.
function filled() {
  const part = $("write").querySelector("fieldset:not([hidden])");
  if (part.dataset.way === "phrasing") {
    if (chosen) return { kind: "phrasing", entry: chosen };
    tell({ message: "请点一条：居民问的就是哪一条。" });
    return null;
  }
  const body = { kind: part.dataset.way };
  for (const field of part.querySelectorAll("[name]")) {
    const words = field.value.trim();
    if (field.required && words.length < field.minLength) {
      field.classList.add("wrong");
      field.focus();
      tell({ message: words ? "我怕弄错，请再多写几个字。" : "这一项还没写。" });
      return null;
    }
    if (words) body[field.name] = words;
  }
  return body;
}

$("write").addEventListener("submit", (event) => {
  event.preventDefault();
  const body = filled();
  if (!body) return;
  doing($("write").querySelector("[type=submit]"), async () => {
    const seen = await ask("POST", `/api/questions/${opened.id}/preview`, body);
    ready = { body, key: newKey() };
    $("reads").textContent = seen.reads || body.why;
    $("tells").textContent = seen.reads
      ? `会告诉问过的 ${seen.askers} 人，他们会读到：`
      : "不会告诉居民，这些问题不再列出来。给同事看的原因：";
    $("write").hidden = true;
    $("preview").hidden = false;
    $("send").focus({ preventScroll: true });
  });
});

$("change").addEventListener("click", write);

$("send").addEventListener("click", () =>
  doing($("send"), async () => {
    const { answer, said } = await ask("POST", `/api/questions/${opened.id}/answer`, ready.body, ready.key);
    drafts.delete(opened.id);
    last = { answer, key: newKey() };
    opened = null;
    history.back();
    await list();
    done(said, true);
  }),
);

function done(said, undo) {
  $("said").textContent = said.join(" ");
  $("undo").hidden = !undo;
  $("done").hidden = false;
}

$("undo").addEventListener("click", () =>
  doing($("undo"), async () => {
    const { said } = await ask("POST", `/api/answers/${last.answer}/withdraw`, {}, last.key);
    await list();
    done(said, false);
  }),
);

$("fine").addEventListener("click", () => {
  $("done").hidden = true;
});

$("back").addEventListener("click", () => history.back());
window.addEventListener("popstate", () => {
  if (opened) doing(null, list);
});

// The code of a link stands behind the #, where no server sees it, and is not left standing.
const code = decodeURIComponent(location.hash.slice(1));
if (code) history.replaceState(null, "", location.pathname);
await doing(null, async () => {
  if (code) {
    door();
    $("code").value = code;
    document.querySelector("[data-testid=enter]").focus();
  } else await inside(await ask("GET", "/api/me"));
});
