// A button beside whatever is to be pasted elsewhere.
for (const block of document.querySelectorAll("pre.copy, .guide pre")) {
  if (!navigator.clipboard) break;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain copies";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(block.textContent.trim());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not copied: select the text instead";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  block.after(button);
}
