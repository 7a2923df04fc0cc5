// Writing as the person whose texts are shown: an answer, STOP, or START.
import { send, tell } from "./tools.js";

const $ = (id) => document.getElementById(id);

function write(text) {
  const { number } = $("reply").dataset;
  return tell("reply-told", async () => {
    const before = $("reply-text").value;
    const { opted_out: isOut } = await send("POST", "/api/phone", { number, text });
    if (before === text) $("reply-text").value = "";
    return `Sent: ${text}${isOut ? " (this person has opted out)" : ""}`;
  });
}

$("reply").addEventListener("submit", (event) => {
  event.preventDefault();
  write($("reply-text").value);
});

for (const word of ["stop", "start"]) {
  $(`reply-${word}`).addEventListener("click", () => write(word.toUpperCase()));
}
