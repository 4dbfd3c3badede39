"use strict";
// Steps through a counterexample. Without this script every state is shown, one below the other.
(() => {
  const steps = [...document.querySelectorAll("[data-step]")];
  const states = [...document.querySelectorAll("[data-state]")];
  const rule = document.querySelector("[data-rule]");
  const status = document.querySelector("[role=status]");
  if (!steps.length || !rule || !status) return;
  const broken = Number(rule.dataset.rule);
  const buttons = Object.fromEntries([...document.querySelectorAll("[data-go]")].map((button) => [button.dataset.go, button]));
  const last = steps.length;
  let now = -1;

  const go = (to, shown = true) => {
    const next = Math.max(0, Math.min(last, to));
    if (next === now) return;
    now = next;
    steps.forEach((step, index) => {
      const current = index + 1 === now;
      if (current) step.setAttribute("aria-current", "step");
      else step.removeAttribute("aria-current");
      step.classList.toggle("later", index + 1 > now);
      if (current && shown) step.scrollIntoView({ block: "nearest" });
    });
    states.forEach((state) => { state.hidden = Number(state.dataset.state) !== now; });
    const isBroken = now >= broken;
    rule.classList.toggle("broken", isBroken);
    rule.querySelector("[data-says]").textContent = isBroken ? `violated, by step ${broken}` : "not violated yet";
    const words = now === 0 ? "the start" : steps[now - 1].querySelector(".what").innerText.replace(/\s+/g, " ");
    status.textContent = `Step ${now} of ${last}: ${words}`;
    buttons.first.disabled = buttons.previous.disabled = now === 0;
    buttons.last.disabled = buttons.next.disabled = now === last;
  };
  const moves = {
    first: () => go(0), previous: () => go(now - 1), next: () => go(now + 1), last: () => go(last),
    violation: () => go(broken),
  };
  const keys = {
    Home: "first", End: "last", ArrowUp: "previous", ArrowLeft: "previous", ArrowDown: "next", ArrowRight: "next",
    k: "previous", j: "next", v: "violation",
  };
  for (const [name, button] of Object.entries(buttons)) {
    button.hidden = false;
    button.addEventListener("click", moves[name]);
  }
  document.addEventListener("keydown", (event) => {
    const move = keys[event.key];
    if (!move || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    moves[move]();
  });
  steps.forEach((step, index) => step.addEventListener("click", () => go(index + 1)));
  go(0, false);
})();
