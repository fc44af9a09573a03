// Visits every page of the docs site in headless Chromium, with every other host out of reach. Takes a task as JSON on standard input, prints what was seen as JSON; tests/test_docs.py judges it.
import {createRequire} from "node:module"
import {readFileSync} from "node:fs"
const task = JSON.parse(readFileSync(0, "utf8")), require = createRequire(task.npm+"/")
const {chromium} = require("playwright-core"), axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8")
const browser = await chromium.launch({executablePath: task.chromium, args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]})
const here = new URL(task.url).origin, pages = {}

async function tab(options) {
  const context = await browser.newContext(options), page = await context.newPage(), seen = {errors: [], outside: []}
  await context.route(u => u.origin!==here, r => { seen.outside.push(r.request().url()); r.abort() })
  page.on("console", m => { if (m.type()==="error") seen.errors.push(m.text()) })
  page.on("pageerror", e => seen.errors.push(e.message))
  return {page, seen}
}

const {page, seen} = await tab({viewport: {width: 1280, height: 900}}), phone = await tab({viewport: {width: 390, height: 800}, isMobile: true})
for (const name of task.pages) {
  seen.errors.length = seen.outside.length = 0
  await page.goto(task.url+name, {waitUntil: "load"})
  await page.waitForTimeout(50)
  const look = await page.evaluate(() => ({
    title: document.title, maths: [...document.querySelectorAll(".math")].filter(o => !o.querySelector(".katex")).length, formulas: document.querySelectorAll(".katex").length,
    wide: document.documentElement.scrollWidth-innerWidth, broken: [...document.images].filter(o => o.complete && !o.naturalWidth).map(o => o.src.slice(0, 80)), noalt: [...document.images].filter(o => !o.alt).length}))
  const issues = {}
  for (const scheme of task.dark.includes(name) ? ["light", "dark"] : ["light"]) {
    if (scheme==="dark") { await page.emulateMedia({colorScheme: scheme}); await page.reload({waitUntil: "load"}) }
    await page.evaluate(axe)
    const found = await page.evaluate(on => axe.run(document, {resultTypes: ["violations"], rules: {"color-contrast": {enabled: on}}}), task.contrast.includes(name))
    issues[scheme] = found.violations.filter(v => ["serious", "critical"].includes(v.impact)).map(v => [v.id, v.nodes.length, ...v.nodes.slice(0, 8).map(n => n.html.slice(0, 120)+" "+n.any.map(a => a.message).join(" ").slice(0, 160))])
  }
  await page.emulateMedia({colorScheme: "light"})
  await phone.page.goto(task.url+name, {waitUntil: "load"})
  const small = await phone.page.evaluate(() => document.documentElement.scrollWidth-innerWidth)
  pages[name] = {...look, issues, small, errors: [...seen.errors], outside: [...seen.outside]}
}

await page.goto(task.url+"index.html"); await page.fill("#quarto-search input", "softmax"); await page.waitForSelector("#quarto-search .dropdown-item, .smalldocs-search-results a", {timeout: 10000})
const found = await page.evaluate(() => [...document.querySelectorAll(".smalldocs-search-results a")].map(o => o.getAttribute("href")))
const p = phone.page
await p.goto(task.url+"01_data.html"); await p.click(".quarto-btn-toggle"); await p.waitForTimeout(600)
await p.click("#quarto-sidebar a[href='02_scratch.html']"); await p.waitForURL(/02_scratch/)
console.log(JSON.stringify({pages, found, walked: p.url().split("/").pop(), phoneErrors: phone.seen.errors}))
await browser.close()
