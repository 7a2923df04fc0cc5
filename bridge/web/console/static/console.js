// Moments in the viewer's own zone, also in what is loaded later.
const written = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

const localise = (root) => {
  for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    time.title = time.textContent;
    time.textContent = written.format(moment);
    time.dataset.local = "yes";
  }
};

localise(document);
document.addEventListener("htmx:afterSettle", () => localise(document));

// One box for all boxes of a name in its form.
document.addEventListener("change", ({ target }) => {
  const name = target.dataset?.picks;
  if (!name) return;
  for (const box of target.form.querySelectorAll(`input[type=checkbox][name="${name}"]`)) box.checked = target.checked;
});
