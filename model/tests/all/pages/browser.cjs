"use strict";
// `draw DIAGRAMS.json`: has Mermaid draw each of a list of diagrams.
// `walk PAGE.html STEPS`: steps through a counterexample with keys, and looks at names and widths.
// `shoot PAGE.html WIDTH HEIGHT STEP PICTURE.png`: takes a picture at a step.
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { pathToFileURL } = require("node:url");
const { chromium } = require("playwright-core");

const [task, file, ...rest] = process.argv.slice(2);

const draw = async (page) => {
  await page.addScriptTag({ path: path.join(process.env.NODE_PATH, "mermaid/dist/mermaid.min.js") });
  const render = (diagram) => page.evaluate(async (text) => {
    mermaid.initialize({ startOnLoad: false });
    try {
      const { svg } = await mermaid.render("diagram", text);
      return svg.includes("<svg") ? null : "no picture";
    } catch (error) {
      return String(error);
    }
  }, diagram);
  assert.notEqual(await render("sequenceDiagram\n    this is none\n"), null, "what is no diagram is refused");
  const diagrams = JSON.parse(fs.readFileSync(file, "utf8"));
  for (const diagram of diagrams) assert.equal(await render(diagram), null, diagram);
  console.log(`${diagrams.length} diagrams are drawn`);
};

const walk = async (page) => {
  const last = Number(rest[0]);
  const fetched = [];
  page.on("request", (request) => fetched.push(request.url()));
  await page.goto(pathToFileURL(file).href);
  const current = page.locator("[aria-current=step]");
  const status = page.getByRole("status");
  assert.equal(await current.count(), 0);
  await page.keyboard.press("ArrowDown");
  assert.equal(await current.getAttribute("data-step"), "1");
  assert.match(await status.innerText(), new RegExp(`^Step 1 of ${last}: \\w`));
  await page.keyboard.press("j");
  await page.keyboard.press("ArrowUp");
  assert.equal(await current.getAttribute("data-step"), "1");
  assert.equal(await page.locator("[data-state]:visible").count(), 1, "one state is shown at a time");
  assert.ok(await page.getByRole("region", { name: "After step 1", exact: true }).isVisible());
  assert.equal(await page.locator(".rule.broken").count(), 0, "the rule is not violated at the first step");
  await page.keyboard.press("v");
  assert.equal(await page.locator(".rule.broken").count(), 1, "the rule is lit where it is violated");
  await page.keyboard.press("End");
  await page.keyboard.press("ArrowDown");
  assert.equal(await current.getAttribute("data-step"), String(last));
  assert.ok(await page.getByRole("button", { name: "Next" }).isDisabled());
  await page.getByRole("button", { name: "First" }).click();
  assert.equal(await current.count(), 0);
  // By tabulator and space alone.
  await page.getByRole("button", { name: "Next" }).focus();
  await page.keyboard.press("Space");
  assert.equal(await current.getAttribute("data-step"), "1");
  for (const button of await page.getByRole("button").all()) assert.match(await button.innerText(), /\w/);
  assert.equal(await page.getByRole("heading", { level: 1 }).count(), 1);
  assert.equal(await page.getByRole("main").count(), 1);
  await page.keyboard.press("End");
  for (const width of [1280, 400]) {
    await page.setViewportSize({ width, height: 800 });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(overflow <= 0, `${overflow} pixels too wide at ${width}`);
  }
  assert.equal(fetched.length, 1, `only the page itself is fetched: ${fetched}`);
  console.log(`${path.basename(file)}: ${last} steps`);
};

const shoot = async (page) => {
  const [width, height, step, picture, scheme] = rest;
  await page.emulateMedia({ colorScheme: scheme || "light" });
  await page.setViewportSize({ width: Number(width), height: Number(height) });
  await page.goto(pathToFileURL(file).href);
  for (let now = 0; now < Number(step); now += 1) await page.keyboard.press("ArrowDown");
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.screenshot({ path: picture });
};

(async () => {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox"] });
  try {
    await { draw, walk, shoot }[task](await browser.newPage());
  } finally {
    await browser.close();
  }
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
