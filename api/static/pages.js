"use strict";
// What HTML alone can't do. The pages work without it.

// A summary of errors or an answer takes the focus when it comes, so that it is seen and read out; else the first
// field of a page that is there to be filled in.
function focusNews(root) {
  (root.querySelector("[data-focus]") ?? root.querySelector("form[data-first] .form-control"))?.focus();
}

document.addEventListener("DOMContentLoaded", () => focusNews(document));
document.addEventListener("htmx:after:swap", () => focusNews(document));

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
