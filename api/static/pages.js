"use strict";
// What HTML alone can't do. The pages work without it.

// A summary of errors or an answer takes the focus when it comes, so that it is seen and read out; else the first
// field of a page that is there to be filled in.
function focusNews(root) {
  (root.querySelector("[data-focus]") ?? root.querySelector("form[data-first] .form-control"))?.focus();
}

document.addEventListener("DOMContentLoaded", () => focusNews(document));
document.addEventListener("htmx:after:swap", () => focusNews(document));

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
