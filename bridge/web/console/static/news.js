import { localise } from "./console.js";

// What draws itself anew does so only when there is news, and leaves its reader where they are.
const answers = new Map(); // id -> what was answered last
const places = new Map(); // id -> where its reader stands

const described = (element) =>
  [element.tagName, ...["id", "href", "name", "value", "aria-label"].map((name) => element.getAttribute(name))].join("\n");

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { target: part, requestConfig: request, serverResponse: answer } = detail;
  if (!part?.id || !detail.shouldSwap) return;
  const asked = `${request.verb} ${request.path}\n${answer}`;
  if (request.verb === "get" && answers.get(part.id) === asked) {
    detail.shouldSwap = false;
    return;
  }
  answers.set(part.id, asked);
  places.set(part.id, {
    focused: part.contains(document.activeElement) ? described(document.activeElement) : null,
    scrolled: [...part.querySelectorAll(".scroll")].map((element) => element.scrollLeft),
  });
});

document.addEventListener("htmx:afterSwap", ({ detail }) => {
  const id = detail.target?.id;
  const [part, place] = [document.getElementById(id), places.get(id)];
  if (!part || !place) return;
  places.delete(id);
  part.querySelectorAll(".scroll").forEach((element, index) => {
    element.scrollLeft = place.scrolled[index] ?? 0;
  });
  if (place.focused === null || part.contains(document.activeElement)) return;
  [...part.querySelectorAll("a, button, input, select, textarea, summary, [tabindex]")]
    .find((element) => described(element) === place.focused)
    ?.focus({ preventScroll: true });
});

// Why there is no news, for as long as there is none. The same words are not said twice.
const trouble = document.getElementById("trouble");

const say = (words) => {
  if (!trouble || trouble.textContent === words) return;
  const line = document.createElement("p");
  line.className = "problem";
  line.textContent = words;
  trouble.replaceChildren(...(words ? [line] : []));
};

document.addEventListener("htmx:afterRequest", ({ detail }) => detail.successful && say(""));
document.addEventListener("htmx:sendError", () => say("The bridge does not answer. This page asks again by itself."));
document.addEventListener("htmx:responseError", ({ detail: { xhr } }) => {
  const isWords = xhr.getResponseHeader("Content-Type")?.startsWith("text/plain");
  if (xhr.status === 401) return; // the whole page goes to the login
  say(isWords ? xhr.responseText : "The bridge has answered with an error. This page asks again by itself.");
});

// What is to be heard of a page that draws itself anew is said from outside of what is drawn, and only if it is news. A
// number that counts up is none.
const spoken = document.getElementById("spoken");

const heard = () => {
  localise(document);
  return [...document.querySelectorAll("[data-spoken]")].map((part) => part.textContent.replace(/\s+/g, " ").trim()).join(" ");
};
const gist = (words) => words.replace(/\d+/g, "0");

let last = gist(heard());

document.addEventListener("htmx:afterSettle", () => {
  const words = heard();
  if (!spoken || gist(words) === last) return;
  last = gist(words);
  spoken.textContent = words;
});
