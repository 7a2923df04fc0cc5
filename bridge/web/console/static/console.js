// Moments in the viewer's own zone, also in what is loaded later.
const written = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const zone = written.resolvedOptions().timeZone;

export const localise = (root) => {
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

// Fields for times come in UTC, as they stay where no script runs. Here they are in the viewer's zone, and sent with it.
const fields = [...document.querySelectorAll("input[type=datetime-local]")];

for (const field of fields) {
  const moment = new Date(`${field.defaultValue}Z`);
  if (!Number.isNaN(moment.getTime())) {
    field.value = new Date(moment - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  }
  field.closest("label").querySelector("[data-zone]").textContent = `(${zone})`;
}

document.addEventListener("formdata", ({ target, formData }) => {
  for (const { form, name, value } of fields) {
    if (form === target && value) formData.set(name, new Date(value).toISOString().replace(/:00.000Z$/, "Z"));
  }
});

// One box for all boxes of a name in its form.
document.addEventListener("change", ({ target }) => {
  const name = target.dataset?.picks;
  if (!name) return;
  for (const box of target.form.querySelectorAll(`input[type=checkbox][name="${name}"]`)) box.checked = target.checked;
});
