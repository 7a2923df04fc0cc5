// The panels beside the phone: samples to send, trouble to order, and who is opted in. Texts are data: never HTML.
import { make } from "./texts.js";

const $ = (id) => document.getElementById(id);
const FAULTS = ["latency_ms", "status", "retry_after", "hang_after_accept", "share", "count"];

export async function ask(path, options = {}) {
  const answer = await fetch(path, { cache: "no-store", ...options });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.message || `HTTP ${answer.status}`);
  return told;
}

export function send(method, path, value) {
  return ask(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) });
}

// Says how it went where a screen reader hears it.
export async function tell(place, doing) {
  $(place).removeAttribute("data-bad");
  try {
    $(place).textContent = await doing();
  } catch (error) {
    $(place).textContent = error instanceof TypeError ? "The sandbox does not answer." : error.message;
    $(place).dataset.bad = "yes";
  }
}

// --- samples -------------------------------------------------------------------------------------------------------

let shelf = { bridge: null, connections: [] };

function drawSamples() {
  const connection = shelf.connections.find((one) => one.name === $("connection").value);
  $("samples").replaceChildren(...(connection?.samples || []).map((sample) => {
    const button = make("button", "plain", shelf.bridge ? "Send" : "Copy");
    button.type = "button";
    button.append(make("span", "unseen", shelf.bridge ? ` ${sample.name}` : ` the command for ${sample.name}`));
    button.addEventListener("click", () => tell("sample-told", () => use(connection.name, sample.name)));
    const words = make("span", "sample");
    words.append(make("strong", "", sample.name), make("span", "about", sample.about));
    const item = make("li");
    item.append(words, button);
    return item;
  }));
}

function quoted(word) {
  return /^[\w+./:-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

async function use(connection, sample) {
  const to = $("sample-to").value.trim();
  if (shelf.bridge) {
    const { answer } = await send("POST", "/api/samples", { connection, sample, ...(to ? { to } : {}) });
    return `${sample}: the bridge answered ${answer}`;
  }
  const command = `bridge trigger ${connection} ${sample}${to ? ` --to ${quoted(to)}` : ""}`;
  try {
    await navigator.clipboard.writeText(command);
    return `Copied: ${command}`;
  } catch {
    return command; // not every browser lets a page copy
  }
}

async function loadSamples() {
  shelf = await ask("/api/samples");
  const before = $("connection").value;
  $("connection").replaceChildren(...shelf.connections.map(({ name }) => make("option", "", name)));
  if (shelf.connections.some(({ name }) => name === before)) $("connection").value = before;
  drawSamples();
  const none = shelf.bridge ? "The bridge has no connection: set for example SHOPIFY_SECRETS." : "There are no samples here.";
  const how = shelf.bridge ? `Signed, to the bridge at ${shelf.bridge}.` : "Copies the command. Start the sandbox with --bridge URL to send at a click.";
  return shelf.connections.length > 0 ? how : none;
}

// --- trouble -------------------------------------------------------------------------------------------------------

function showFaults(faults) {
  const names = Object.keys(faults);
  $("trouble-on").hidden = names.length === 0;
  return names.length === 0 ? "All goes well." : `In force: ${names.map((name) => `${name} ${faults[name]}`).join(", ")}`;
}

function field(name) {
  return $(name === "status" ? "answer_status" : name);
}

function fillFaults(faults) {
  for (const name of FAULTS) field(name).value = faults[name] ?? "";
  $("drop").checked = faults.drop === true;
}

function chosenFaults() {
  const faults = {};
  for (const name of FAULTS) {
    const text = field(name).value.trim();
    if (text) faults[name] = Number.isNaN(Number(text)) ? text : Number(text);
  }
  return $("drop").checked ? { ...faults, drop: true } : faults;
}

async function order(faults) {
  const now = await send("PUT", "/api/faults", faults);
  fillFaults(now);
  return showFaults(now);
}

// --- subscribers ---------------------------------------------------------------------------------------------------

function showSubscribers(told) {
  const all = told.all === true;
  $(all ? "everybody" : "only").checked = true;
  $("numbers").disabled = all;
  if (!all) $("numbers").value = told.subscribers.join("\n");
  return all ? "Everybody is opted in." : `${told.subscribers.length} opted in.`;
}

function chosenSubscribers() {
  return $("everybody").checked ? { all: true } : { subscribers: $("numbers").value.split(/[\n,;]+/).map((one) => one.trim()).filter(Boolean) };
}

// --- living --------------------------------------------------------------------------------------------------------

function open(isOpen) {
  $("tools").hidden = !isOpen;
  $("tools-button").setAttribute("aria-expanded", String(isOpen));
  $("app").toggleAttribute("data-tools", isOpen);
  if (!isOpen) return;
  tell("sample-told", loadSamples);
  tell("fault-told", async () => {
    const now = await ask("/api/faults");
    fillFaults(now);
    return showFaults(now);
  });
  tell("subscriber-told", async () => showSubscribers(await ask("/api/subscribers")));
}

function close() {
  open(false);
  $("tools-button").focus();
}

$("tools-button").addEventListener("click", () => open($("tools").hidden));
$("tools-close").addEventListener("click", close);
$("tools").addEventListener("keydown", (event) => {
  if (event.key === "Escape") close();
});
$("connection").addEventListener("change", drawSamples);
$("faults").addEventListener("submit", (event) => {
  event.preventDefault();
  tell("fault-told", () => order(chosenFaults()));
});
$("no-faults").addEventListener("click", () => tell("fault-told", () => order({})));
$("subscribers").addEventListener("change", () => {
  $("numbers").disabled = $("everybody").checked;
});
$("subscribers").addEventListener("submit", (event) => {
  event.preventDefault();
  tell("subscriber-told", async () => showSubscribers(await send("PUT", "/api/subscribers", chosenSubscribers())));
});

// Others order trouble too, and what is counted ends by itself.
async function watch() {
  if (!document.hidden) {
    await ask("/api/faults").then((now) => {
      const words = showFaults(now);
      if (!$("tools").hidden && !$("fault-told").dataset.bad && $("fault-told").textContent !== words) $("fault-told").textContent = words;
    }).catch(() => {});
  }
  setTimeout(watch, 2000);
}

watch();
