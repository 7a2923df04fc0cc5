// The sandbox's phone: asks what arrived once a second and shows it. Texts are data: only textContent, never HTML.
import { cost } from "./segments.js";
import { byNumber, clock, day, entriesOf, isNoTrouble, isToday, linked, make, matching, readable, shortDay, source } from "./texts.js";

const EVERY = 1000; // milliseconds

const $ = (id) => document.getElementById(id);
const title = document.title;
const seen = new Map(); // conversation -> how many of its entries were looked at
let entries = []; // all that came
let everything = new Map(); // number -> entries, oldest first
let conversations = new Map(); // the same, of what is looked for
let chosen = null; // the number whose texts are shown
let atEnd = true; // whether the newest text is in view
let drawn = { number: null, texts: [] }; // what stands in the thread: [{ key, nodes }]

// --- drawing -------------------------------------------------------------------------------------------------------

function drawConversations() {
  const list = $("conversations");
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.number : null;
  const items = [...conversations].map(([number, entries]) => {
    const last = entries.at(-1);
    const when = new Date(last.at);
    const unseen = unseenOf(number);
    const button = make("button", "person");
    button.type = "button";
    button.dataset.number = number;
    button.setAttribute("aria-current", String(number === chosen));
    const time = make("time", "when", isToday(when) ? clock.format(when) : shortDay.format(when));
    time.dateTime = last.at;
    button.append(make("span", "name", readable(number)), time, make("span", "last", `${last.why ? "Not delivered: " : ""}${last.text}`));
    if (unseen > 0) {
      const count = make("span", "count", String(unseen));
      count.append(make("span", "unseen", " new"));
      button.append(count);
    }
    button.addEventListener("click", () => choose(number));
    const item = make("li");
    item.append(button);
    return item;
  });
  list.replaceChildren(...items);
  if (focused) [...list.querySelectorAll("button")].find((button) => button.dataset.number === focused)?.focus();
}

function unseenOf(number) {
  return Math.max(0, (everything.get(number)?.length || 0) - (seen.get(number) || 0));
}

function find() {
  everything = byNumber(entries);
  conversations = byNumber(matching(entries, $("search").value, $("show").value));
}

function drawText(entry) {
  const item = make("li", `text ${isNoTrouble(entry) ? "" : "refused"} ${entry.kind}`);
  if (entry.picture) {
    const picture = make("img", "picture");
    picture.alt = `Picture sent with this text: ${entry.picture}`;
    picture.referrerPolicy = "no-referrer";
    picture.addEventListener("load", stayAtEnd); // it needs its room only now
    picture.src = entry.picture;
    item.append(picture);
  }
  const bubble = make("p", "bubble");
  bubble.append(linked(entry.text));
  item.append(bubble);
  if (entry.why) item.append(make("p", "why", `${entry.kind === "suppressed" ? "" : "Not delivered. "}${entry.why}`));
  const meta = make("p", "meta");
  const time = make("time", "", clock.format(new Date(entry.at)));
  time.dateTime = entry.at;
  time.title = new Date(entry.at).toLocaleString();
  meta.append(time);
  if (entry.kind === "answer") meta.append(" · written here");
  if (entry.kind === "delivered") meta.append(` · ${entry.picture ? "MMS, " : ""}${cost(entry.text)}`);
  if (entry.link) meta.append(` · link: ${entry.link}`);
  item.append(meta);
  return item;
}

function drawThread() {
  const log = $("bubbles");
  const rows = (conversations.get(chosen) || []).map((entry) => ({ key: `${entry.at} ${entry.kind} ${entry.text}`, entry }));
  let texts = drawn.number === chosen ? drawn.texts : [];
  const old = Math.max(0, texts.findIndex((text) => text.key === rows[0]?.key)); // what is too old to be kept
  texts.splice(0, old).forEach((text) => text.nodes.forEach((node) => node.remove()));
  const grown = texts.length > 0 && texts.every((text, index) => text.key === rows[index]?.key);
  if (!grown) texts = [];
  if (!grown) log.replaceChildren();
  // Only what was added is read out, not a whole conversation that somebody opens.
  $("log").setAttribute("aria-live", grown ? "polite" : "off");
  for (let index = texts.length; index < rows.length; index += 1) {
    const { key, entry } = rows[index];
    const nodes = startsDay(entry, rows[index - 1]?.entry) ? [drawDay(entry)] : [];
    nodes.push(drawText(entry));
    if (grown) nodes.at(-1).classList.add("new");
    log.append(...nodes);
    texts.push({ key, nodes });
  }
  drawn = { number: chosen, texts };
  if (!grown) atEnd = true;
  stayAtEnd();
}

function isAtEnd() {
  const scroll = $("scroll");
  return scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
}

// Whoever reads older texts is left where they are.
function stayAtEnd() {
  if (atEnd) $("scroll").scrollTop = $("scroll").scrollHeight;
}

function startsDay(entry, before) {
  return !before || new Date(before.at).toDateString() !== new Date(entry.at).toDateString();
}

function drawDay(entry) {
  const date = new Date(entry.at);
  return make("li", "day", isToday(date) ? "Today" : day.format(date));
}

function draw() {
  const app = $("app");
  const empty = everything.size === 0;
  if (empty) seen.clear();
  if (empty) app.dataset.view = "thread"; // what to do stands there
  else if (app.hasAttribute("data-empty")) app.dataset.view = "list";
  app.toggleAttribute("data-empty", empty);
  if (!conversations.has(chosen)) chosen = conversations.keys().next().value ?? null;
  if (looking()) seen.set(chosen, everything.get(chosen).length);
  $("nothing").hidden = empty || conversations.size > 0;
  $("empty").hidden = !empty;
  $("clear").disabled = empty;
  $("reply").hidden = !/^\+\d+$/.test(chosen ?? ""); // nobody writes from what is no number
  $("reply").dataset.number = chosen ?? "";
  $("who").textContent = chosen === null ? "Messages" : readable(chosen);
  drawConversations();
  drawThread();
  const unseen = [...everything.keys()].reduce((sum, number) => sum + unseenOf(number), 0);
  document.title = unseen > 0 ? `(${unseen}) ${title}` : title;
}

// Whether the chosen conversation is in front of somebody: on a narrow screen the list may be instead.
function looking() {
  return conversations.has(chosen) && !document.hidden && $("scroll").offsetParent !== null;
}

// The address names the conversation (#+12125550123): it survives a reload, and the browser's Back leads to the list.
function choose(number) {
  const hash = `#${encodeURIComponent(number)}`;
  if (location.hash === hash) followAddress();
  else location.hash = hash;
}

function open(number) {
  chosen = number;
  $("app").dataset.view = "thread";
  draw();
}

function followAddress() {
  const number = [...conversations.keys()].find((known) => location.hash === `#${encodeURIComponent(known)}`);
  if (number !== undefined) open(number);
  else {
    $("app").dataset.view = "list";
    draw();
  }
}

function announce(before) {
  const others = [...everything].filter(([number, all]) => number !== chosen && all.length > (before.get(number)?.length || 0));
  if (others.length > 0) $("news").textContent = `New text for ${others.map(([number]) => readable(number)).join(", ")}`;
}

// --- living --------------------------------------------------------------------------------------------------------

function show(state, words) {
  const status = $("status");
  if (status.dataset.state === state) return;
  status.dataset.state = state;
  status.firstElementChild.textContent = words;
}

const messages = source("/api/messages");
const attempts = source("/api/attempts");
const answers = source("/api/answers");
let started = false;

async function look() {
  try {
    const [delivered, tried, written] = [await messages(), await attempts(), await answers()];
    show("live", "Live");
    if (![delivered, tried, written].some((one) => one.changed)) return;
    const before = everything;
    entries = entriesOf(delivered.rows, tried.rows, written.rows);
    find();
    if (started) {
      draw();
      announce(before);
    } else {
      for (const [number, all] of everything) seen.set(number, all.length); // only what comes from now on is new
      followAddress();
      started = true;
    }
  } catch {
    show("lost", "The sandbox does not answer");
  }
}

async function keepLooking() {
  await look();
  setTimeout(keepLooking, EVERY);
}

window.addEventListener("hashchange", () => {
  followAddress();
  if (looking()) $("scroll").focus({ preventScroll: true });
});

$("scroll").addEventListener("scroll", () => {
  atEnd = isAtEnd();
});

$("back").addEventListener("click", () => {
  history.replaceState(null, "", location.pathname);
  followAddress();
  $("conversations").querySelector("button")?.focus();
});

$("clear").addEventListener("click", () => $("confirm").showModal());

$("confirm").addEventListener("close", async () => {
  if ($("confirm").returnValue !== "clear") return;
  $("confirm").returnValue = "";
  await fetch("/api/messages", { method: "DELETE" }).catch(() => show("lost", "The sandbox does not answer"));
  await look();
});

for (const id of ["search", "show"]) {
  $(id).addEventListener("input", () => {
    find();
    draw();
  });
}

document.addEventListener("visibilitychange", draw);

keepLooking();
