"use strict";
// What HTML alone can't do. The pages work without it.

// A summary of errors or an answer takes the focus when it comes, so that it is seen and read out; else the first
// field of a page that is there to be filled in. What a stage is for stands open: while the old page was still there,
// another of its forms did, and only one may. All of it once: parts of a page come anew while somebody types.
function arrive() {
  document.querySelectorAll("details[data-open]").forEach((form) => {
    form.open = true;
  });
  (document.querySelector("[data-focus]") ?? document.querySelector("form[data-first] .form-control"))?.focus();
  for (const mark of ["data-open", "data-focus", "data-first"]) {
    document.querySelectorAll(`[${mark}]`).forEach((element) => element.removeAttribute(mark));
  }
}

document.addEventListener("DOMContentLoaded", arrive);
document.addEventListener("htmx:after:swap", arrive);

// Photos go up one by one as they are chosen. One that fails says why and can be tried again; the form stays as it is,
// and waits with being sent until none is on its way.
const MOST_PHOTOS = 9;
const LARGEST_PHOTO = 15 * 1024 * 1024;

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function upload(field, words, file) {
  const bar = element("progress", { max: 100, value: 0 });
  const news = element("span", { className: "photo-said" });
  const remove = element("button", { type: "button", className: "btn btn-sm", textContent: words.remove });
  const item = element("li", {}, bar, element("span", { className: "photo-name", textContent: file.name }), news, remove);
  const request = new XMLHttpRequest();
  const fail = (why) => {
    item.className = "photo-failed";
    news.textContent = why;
    bar.remove();
    const again = element("button", { type: "button", className: "btn btn-sm", textContent: words.again });
    again.addEventListener("click", () => {
      item.replaceWith(upload(field, words, file));
      settle(field);
    });
    remove.before(again);
    settle(field);
  };
  remove.addEventListener("click", () => {
    request.abort();
    item.remove();
    settle(field);
  });
  if (file.size > LARGEST_PHOTO) {
    queueMicrotask(() => fail(words.largest));
    return item;
  }
  item.className = "photo-going";
  request.upload.addEventListener("progress", (event) => {
    bar.value = Math.round((100 * event.loaded) / Math.max(event.total, 1));
    news.textContent = words.going.replace("{n}", `${bar.value} %`);
  });
  request.addEventListener("load", () => {
    if (request.status !== 201) {
      fail(request.response?.title ?? words.lost);
      return;
    }
    item.className = "";
    item.replaceChildren(
      element("img", { src: request.response.thumbnail, alt: `${words.photo} ${file.name}` }),
      element("input", { type: "hidden", name: "photos", value: request.response.id }),
      element("span", { className: "visually-hidden", textContent: words.done }),
      remove,
    );
    settle(field);
  });
  request.addEventListener("error", () => fail(words.lost));
  request.addEventListener("timeout", () => fail(words.lost));
  request.open("POST", "/v1/photos");
  request.responseType = "json";
  request.timeout = 180000;
  request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
  request.setRequestHeader("Accept-Language", document.documentElement.lang);
  request.setRequestHeader("X-CSRF-Token", field.closest("form").elements.csrf?.value ?? "");
  request.send(file);
  return item;
}

// What became of the photos: a form that waited for them is sent once none is on its way and none has failed.
function settle(field) {
  const form = field.closest("form");
  const news = field.querySelector(".photo-news");
  const failed = form?.querySelector(".photo-failed");
  news.textContent = "";
  if (!form?.dataset.waits || form.querySelector(".photo-going")) return;
  delete form.dataset.waits;
  if (failed) holdBack(field, form);
  else form.requestSubmit();
}

function holdBack(field, form) {
  const words = JSON.parse(field.dataset.words);
  const going = form.querySelector(".photo-going");
  if (going) form.dataset.waits = "yes";
  field.querySelector(".photo-news").textContent = going ? words.wait : words.failed;
  if (!going) form.querySelector(".photo-failed button").focus();
}

document.addEventListener("change", (event) => {
  const field = event.target.closest("[data-photos]");
  if (!field || event.target.type !== "file") return;
  const words = JSON.parse(field.dataset.words);
  const list = field.querySelector(".photos");
  const room = MOST_PHOTOS - list.children.length;
  const files = [...event.target.files];
  list.append(...files.slice(0, room).map((file) => upload(field, words, file)));
  event.target.value = "";
  settle(field);
  if (files.length > room) field.querySelector(".photo-news").textContent = words.most;
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-photos] button[name=drop]");
  if (!button) return;
  event.preventDefault();
  const field = button.closest("[data-photos]");
  button.closest("li").remove();
  field.querySelector("input[type=file]").focus();
});
document.addEventListener(
  "submit",
  (event) => {
    const field = event.target.querySelector("[data-photos]");
    if (!field || !event.target.querySelector(".photo-going, .photo-failed")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    holdBack(field, event.target);
  },
  true,
);

// What is offered follows the product: faults it can't have are not shown.
function fit(form) {
  const model = form.elements.model?.selectedOptions?.[0];
  const category = model?.dataset.fits ?? "";
  const faults = form.elements.fault_code;
  if (!faults?.options) return;
  for (const option of faults.options) {
    const fits = option.dataset.fits;
    option.hidden = Boolean(category && fits && !fits.split(" ").includes(category)) && !option.selected;
  }
  faults.querySelectorAll("optgroup").forEach((group) => {
    group.hidden = [...group.children].every((option) => option.hidden);
  });
  faults.dispatchEvent(new Event("fit"));
}

document.addEventListener("change", async (event) => {
  const form = event.target.form;
  if (event.target.name === "model") fit(form);
  const place = form?.querySelector("[data-product]");
  if (!place || event.target.name !== "serial") return;
  const answer = await fetch(`${place.dataset.product}?serial=${encodeURIComponent(event.target.value)}`);
  if (!answer.ok) return;
  place.innerHTML = await answer.text();
  const model = place.querySelector("[data-model]")?.dataset.model;
  if (!model) return;
  form.elements.model.value = model;
  fit(form);
});
document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("form").forEach(fit));

// The agents' form fills itself: empty fields, and those it filled before, take what is known of unit or caller.
async function look(form) {
  const place = form.querySelector("[data-known]");
  const asked = new URLSearchParams({
    serial: form.elements.serial.value,
    phone: form.elements["customer.phone"].value,
    model: form.elements.model.value,
  });
  const answer = await fetch(`${place.dataset.known}?${asked}`);
  if (!answer.ok) return;
  place.innerHTML = await answer.text();
  const known = JSON.parse(place.querySelector("[data-fill]")?.dataset.fill ?? "{}");
  for (const [name, value] of Object.entries(known)) {
    const field = form.elements[name];
    if (!field || (field.value && field.value !== field.dataset.filled)) continue;
    field.value = value;
    field.dataset.filled = value;
  }
  const parts = place.querySelector("[data-parts]");
  form.querySelectorAll(".line-part select").forEach((select) => {
    const chosen = select.value;
    const none = select.options[0];
    select.replaceChildren(none, parts.content.cloneNode(true));
    select.value = chosen;
  });
  fit(form);
}

document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("form[data-hotline]");
  if (form?.elements.serial.value || form?.elements["customer.phone"].value) look(form);
});
document.addEventListener("change", (event) => {
  const form = event.target.form;
  if (form?.dataset.hotline === undefined) return;
  if (["serial", "customer.phone", "model"].includes(event.target.name)) look(form);
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-take]");
  if (!button) return;
  const serial = button.closest("form").elements.serial;
  serial.value = button.dataset.take;
  serial.dispatchEvent(new Event("change", { bubbles: true }));
  serial.focus();
});
document.addEventListener("keydown", (event) => {
  const form = event.target.closest?.("form[data-hotline]") ?? document.querySelector("form[data-hotline]");
  if (!form) return;
  const key = event.key.toLowerCase();
  if (event.ctrlKey && key === "enter") form.requestSubmit();
  else if (event.altKey && key === "l") form.querySelector("button[name=more]").click();
  else if (event.altKey && key === "u") form.elements.urgent.click();
  else return;
  event.preventDefault();
});

// Another line of a form is added in place.
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[name=more]");
  const rows = button?.parentElement.querySelectorAll(".line-row");
  if (!rows?.length) return;
  event.preventDefault();
  const last = rows[rows.length - 1];
  const row = last.cloneNode(true);
  row.querySelectorAll("[name]").forEach((field) => {
    const next = (text) => text.replace(/([.-])(\d+)([.-])/, (_, before, at, after) => before + (Number(at) + 1) + after);
    const label = row.querySelector(`label[for="${field.id}"]`);
    field.name = next(field.name);
    field.id = next(field.id);
    if (label) label.htmlFor = field.id;
    field.value = field.type === "number" ? "1" : "";
    field.classList.remove("is-invalid");
  });
  row.querySelectorAll(".invalid-feedback").forEach((error) => error.remove());
  last.after(row);
  row.querySelector("select, input").focus();
});

// The fault tree as one list for each level, for those who know their way: area, symptom, cause.
function growTree(list) {
  const names = (text) => text.split(" – ");
  const options = [...list.options].filter((option) => option.value);
  const make = (label) => {
    const select = document.createElement("select");
    select.className = "form-select";
    select.setAttribute("aria-label", label);
    return select;
  };
  const words = list.dataset.tree.split("|");
  const [area, symptom, cause] = words.map(make);
  const fill = (select, entries, chosen) => {
    select.replaceChildren(new Option(words[[area, symptom, cause].indexOf(select)], ""));
    entries.forEach(([value, text]) => select.add(new Option(text, value, false, value === chosen)));
    select.disabled = entries.length === 0;
  };
  const shown = () => options.filter((option) => !option.hidden);
  const below = (code, depth) =>
    shown()
      .filter((option) => option.value.startsWith(`${code}.`) && option.value.split(".").length === depth)
      .map((option) => [option.value, names(option.text)[depth - 2]]);
  const draw = () => {
    const steps = list.value ? list.value.split(".") : [area.value].filter(Boolean);
    const areas = new Map(shown().map((option) => [option.value.split(".")[0], option.parentElement.label]));
    fill(area, [...areas], steps[0]);
    fill(symptom, steps[0] ? below(steps[0], 2) : [], steps.slice(0, 2).join("."));
    fill(cause, steps[1] ? below(steps.slice(0, 2).join("."), 3) : [], steps.join("."));
  };
  area.addEventListener("change", () => {
    list.value = "";
    draw();
  });
  symptom.addEventListener("change", () => {
    list.value = symptom.value;
    draw();
  });
  cause.addEventListener("change", () => {
    list.value = cause.value || symptom.value;
  });
  const tree = document.createElement("div");
  tree.className = "tree";
  tree.append(area, symptom, cause);
  list.hidden = true;
  list.after(tree);
  area.id = `${list.id}-area`;
  list.closest(".field").querySelector("label")?.setAttribute("for", area.id);
  list.addEventListener("fit", draw);
  draw();
}
document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("select[data-tree]").forEach(growTree));

// A press of a button is one press: the button says that it works until the answer is there.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.busy === "yes") event.preventDefault();
  if (form.method !== "post" || event.defaultPrevented) return;
  form.dataset.busy = "yes";
  (event.submitter ?? form).setAttribute("aria-busy", "true");
});
document.addEventListener("htmx:finally:request", (event) => {
  const form = event.target.closest?.("form");
  if (!form) return;
  delete form.dataset.busy;
  form.querySelectorAll("[aria-busy]").forEach((element) => element.removeAttribute("aria-busy"));
});
window.addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-busy]").forEach((form) => delete form.dataset.busy);
  document.querySelectorAll("[aria-busy]").forEach((element) => element.removeAttribute("aria-busy"));
});

// An open menu closes with Escape or a press beside it.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  document.querySelectorAll("details.who[open]").forEach((menu) => {
    menu.open = false;
    menu.querySelector("summary").focus();
  });
});
document.addEventListener("click", (event) => {
  document.querySelectorAll("details.who[open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
});

// A scanned code leads to its line; one that is on no line, to where something besides the list is named.
document.addEventListener("keydown", (event) => {
  const scan = event.target;
  if (event.key !== "Enter" || !(scan instanceof HTMLInputElement) || !("scan" in scan.dataset)) return;
  event.preventDefault();
  const code = scan.value.trim().toUpperCase();
  if (!code) return;
  const lines = [...scan.form.querySelectorAll("[data-code]")].filter((one) => one.dataset.code.toUpperCase() === code);
  const line = lines.find((one) => one.value === "") ?? lines[0];
  const found = scan.form.querySelector("[data-found]");
  if (!line && found) found.value = code;
  const next = line ?? found?.closest(".line-row").querySelector("input[type=number]");
  scan.value = "";
  next?.focus();
  next?.select();
}, true);
