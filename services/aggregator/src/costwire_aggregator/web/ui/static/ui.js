// The pages are complete without this: it sorts tables, filters at once, and keeps the page new.
"use strict";

const RENEW_MS = 30_000;
const COMING_MS = 5_000;

let coming;

function cellText(row, column) {
  return row.cells[column]?.textContent.trim() ?? "";
}

const UNITS = { m: 1e-3, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4, PiB: 1024 ** 5 };

function amount(text) {
  const [, digits, unit] = /^([-\d.,]+)\s*(\S*)$/.exec(text) ?? [];
  return digits === undefined ? Number.NEGATIVE_INFINITY : Number(digits.replaceAll(",", "")) * (UNITS[unit] ?? 1);
}

function makeSortable(table) {
  const body = table.tBodies[0];
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const ascending = head.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      const isNumber = head.classList.contains("number");
      const rows = [...body.rows].sort((one, other) => {
        const [a, b] = [cellText(one, column), cellText(other, column)];
        const order = isNumber ? amount(a) - amount(b) : a.localeCompare(b, undefined, { numeric: true });
        return ascending ? order : -order;
      });
      body.append(...rows);
    });
  });
}

function enhance() {
  document.querySelectorAll("table.sortable").forEach(makeSortable);
  for (const form of document.querySelectorAll("form.filter")) {
    form.querySelector("select")?.addEventListener("change", () => form.requestSubmit());
  }
  clearTimeout(coming);
  if (document.querySelector(".coming")) coming = setTimeout(renew, COMING_MS);
}

function isIdle() {
  const active = document.activeElement;
  return active === null || active === document.body || active.id === "main";
}

async function renew() {
  if (document.hidden || !isIdle() || document.querySelector("[aria-sort]")) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.querySelector("main").replaceWith(page.querySelector("main"));
  enhance();
}

enhance();
setInterval(renew, RENEW_MS);
