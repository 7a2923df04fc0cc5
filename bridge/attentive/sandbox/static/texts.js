// What arrived at the sandbox, and how it reads. Texts are data: only textContent, never HTML.

const NEWEST = 1000; // more is not looked at on a phone

export function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

// --- reading -------------------------------------------------------------------------------------------------------

export function source(url) {
  let tag = null;
  let rows = [];
  return async () => {
    const answer = await fetch(`${url}?limit=${NEWEST}`, { cache: "no-store", headers: tag ? { "If-None-Match": tag } : {} });
    if (answer.status === 304) return { rows, changed: false };
    if (!answer.ok) throw new Error(answer.status);
    rows = await answer.json();
    tag = answer.headers.get("ETag");
    return { rows, changed: true };
  };
}

function asText(value) {
  return typeof value === "string" ? value : value === null ? "" : JSON.stringify(value);
}

export function entriesOf(messages, attempts, answers) {
  const delivered = messages.map((row) => ({
    number: row.to, at: row.received_at, text: row.text, picture: row.mediaUrl, link: row.link, kind: "delivered",
  }));
  const others = attempts.filter((row) => !row.taken).map((row) => ({
    number: row.number || asText(row.to) || "No number", at: row.received_at, text: asText(row.body) || "(no text)",
    kind: row.suppressed ? "suppressed" : "refused", why: whyNot(row),
  }));
  const written = answers.map((row) => ({ number: row.from, at: row.received_at, text: row.text, kind: "answer" }));
  return delivered.concat(others, written).sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

export function isNoTrouble(entry) {
  return entry.kind === "delivered" || entry.kind === "answer";
}

function whyNot(row) {
  if (row.suppressed) return row.note;
  const said = [row.message, row.note].filter(Boolean).join(" ");
  return row.status === null ? said : `${row.status}: ${said}`;
}

// What is looked for: in the words, the reason and the link, or as a number, however that is written.
export function matching(entries, query, show) {
  const words = query.trim().toLowerCase();
  const digits = /^[\d\s()+.-]+$/.test(words) ? words.replace(/\D/g, "") : "";
  return entries.filter((entry) => {
    if (show === "delivered" && entry.kind !== "delivered") return false;
    if (show === "others" && isNoTrouble(entry)) return false;
    const text = [entry.text, entry.why, entry.link, entry.number].filter(Boolean).join("\n").toLowerCase();
    return text.includes(words) || (digits !== "" && entry.number.replace(/\D/g, "").includes(digits));
  });
}

export function byNumber(entries) {
  const groups = new Map();
  for (const entry of entries) {
    if (!groups.has(entry.number)) groups.set(entry.number, []);
    groups.get(entry.number).push(entry);
  }
  return new Map([...groups].sort(([, a], [, b]) => (a.at(-1).at < b.at(-1).at ? 1 : -1)));
}

// --- words ---------------------------------------------------------------------------------------------------------

export function readable(number) {
  const us = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(number);
  if (us) return `+1 (${us[1]}) ${us[2]}-${us[3]}`;
  const gb = /^\+44(\d{4})(\d+)$/.exec(number);
  return gb ? `+44 ${gb[1]} ${gb[2]}` : number;
}

export const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
export const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
export const shortDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

export function isToday(date) {
  return date.toDateString() === new Date().toDateString();
}

export function linked(text) {
  const found = /\b(?:https?:\/\/|(?:[a-z0-9-]+\.)+[a-z]{2,}\/)[^\s<>"]+/gi;
  const parts = document.createDocumentFragment();
  let from = 0;
  for (const match of text.matchAll(found)) {
    const words = match[0].replace(/[.,;:!?'")\]]+$/, "");
    const address = /^https?:\/\//i.test(words) ? words : `https://${words}`;
    if (!URL.canParse(address)) continue;
    parts.append(text.slice(from, match.index));
    const link = make("a", "", words);
    link.href = address;
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    parts.append(link);
    from = match.index + words.length;
  }
  parts.append(text.slice(from));
  return parts;
}
