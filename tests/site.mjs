// Visits every page of the docs site in headless Chromium, with every other host out of reach. Takes a task as JSON on standard input, prints what was seen as JSON; tests/test_docs.py judges it.
import {createRequire} from "node:module"
import {readFileSync} from "node:fs"
const task = JSON.parse(readFileSync(0, "utf8")), require = createRequire(task.npm+"/")
const {chromium} = require("playwright-core"), axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8")
const here = new URL(task.url), pages = {}
const browser = await chromium.launch({executablePath: task.chromium, args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", `--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE ${here.hostname}`]})

async function tab(options) {
  const page = await (await browser.newContext(options)).newPage(), seen = {errors: [], outside: []}
  page.on("request", r => { if (/^(https?|wss?):/.test(r.url()) && new URL(r.url()).origin!==here.origin) seen.outside.push(r.url()) })
  page.on("console", m => { if (m.type()==="error") seen.errors.push(m.text()) })
  page.on("pageerror", e => seen.errors.push(e.message))
  return {page, seen}
}

// What a page says of itself; runs in the page
const look = () => ({
  title: document.title, maths: [...document.querySelectorAll(".math")].filter(o => !o.querySelector(".katex")).length, formulas: document.querySelectorAll(".katex").length,
  broken: [...document.images].filter(o => o.complete && !o.naturalWidth).map(o => o.src.slice(0, 80)), noalt: [...document.images].filter(o => !o.alt).length})

// What does not fit: the page scrolls sideways, or something is cut off at the right with nothing around it that scrolls
const unfit = () => {
  const wide = document.documentElement.clientWidth, scrolls = o => { for (; o && o!==document.body; o = o.parentElement) if (/auto|scroll/.test(getComputedStyle(o).overflowX)) return true }
  const cut = [...document.querySelectorAll("main *")].filter(o => { const r = o.getBoundingClientRect(); return r.width>1 && r.right>wide+1 && !o.closest(".katex-mathml, .katex svg") && !scrolls(o) })
  return [...(document.documentElement.scrollWidth>wide ? [`scrolls to ${document.documentElement.scrollWidth} of ${wide}`] : []), ...cut.slice(0, 5).map(o => `${o.tagName}.${o.className} ${o.textContent.trim().slice(0, 40)}`)]
}

// axe's serious findings. Contrast, the slow rule, is asked of one text of each kind: colour, size, weight, opacity and what lies behind
const serious = async () => {
  const kinds = new Map(), texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let t; t = texts.nextNode();) {
    const o = t.parentElement, r = o.getBoundingClientRect(), s = getComputedStyle(o), behind = []
    if (!t.data.trim() || !r.width || !r.height) continue
    for (let a = o; a; a = a.parentElement) { const b = getComputedStyle(a); behind.push(b.opacity, b.backgroundColor, b.backgroundImage) }
    const kind = [s.color, s.fontSize, s.fontWeight, behind.filter(v => !["1", "none", "rgba(0, 0, 0, 0)"].includes(v))].join()
    if (!kinds.has(kind)) kinds.set(kind, o)
  }
  const found = [await axe.run({include: [...kinds.values()]}, {resultTypes: ["violations"], runOnly: ["color-contrast"]}),
    await axe.run(document, {resultTypes: ["violations"], rules: {"color-contrast": {enabled: false}}})]
  const issues = found.flatMap(f => f.violations).filter(v => ["serious", "critical"].includes(v.impact)).map(v => [v.id, v.nodes.length, ...v.nodes.slice(0, 8).map(n => n.html.slice(0, 120)+" "+n.any.map(a => a.message).join(" ").slice(0, 160))])
  return {issues, kinds: kinds.size}
}

// Waits until letters have their final shapes and what depends on them is done
const settled = page => page.evaluate(async () => { await document.fonts.ready; for (let i = 0; i<3; i++) await new Promise(requestAnimationFrame) })
const open = async (page, name) => { await page.goto(task.url+name, {waitUntil: "load"}); await settled(page) }

// What scrolls and cannot be reached by keyboard once letters have grown, as they do when other fonts come late or a reader asks for larger ones
const unreachable = async page => {
  const style = await page.addStyleTag({content: "main * {letter-spacing: .08em} main :is(pre, td, .katex) {font-size: 1.4em; line-height: 2.5}"})
  await settled(page)
  const found = await page.evaluate(async () => (await axe.run(document, {runOnly: ["scrollable-region-focusable"]})).violations.flatMap(v => v.nodes.map(n => n.html.slice(0, 120))))
  await style.evaluate(o => o.remove())
  return found
}

const {page, seen} = await tab({viewport: {width: 1280, height: 900}})
for (const name of task.pages) {
  seen.errors.length = seen.outside.length = 0
  await open(page, name)
  const o = pages[name] = {...await page.evaluate(look), unfit: {laptop: await page.evaluate(unfit)}}
  await page.evaluate(axe)
  o.light = await page.evaluate(serious)
  if (task.dark.includes(name)) {
    await page.emulateMedia({colorScheme: "dark"}); await open(page, name); await page.evaluate(axe)
    o.dark = await page.evaluate(serious)
    await page.emulateMedia({colorScheme: "light"}); await open(page, name); await page.evaluate(axe)
  }
  await page.setViewportSize({width: 390, height: 800})
  await settled(page)
  o.unfit.phone = await page.evaluate(unfit)
  o.unreachable = await unreachable(page)
  await page.setViewportSize({width: 1280, height: 900})
  o.errors = [...seen.errors]; o.outside = [...seen.outside]
}

await page.goto(task.url+"index.html"); await page.fill("#quarto-search input", "softmax"); await page.waitForSelector("#quarto-search .dropdown-item, .smalldocs-search-results a", {timeout: 10000})
const found = await page.evaluate(() => [...document.querySelectorAll(".smalldocs-search-results a")].map(o => o.getAttribute("href")))
const phone = await tab({viewport: {width: 390, height: 800}, isMobile: true}), p = phone.page
await p.goto(task.url+"01_data.html"); await p.click(".quarto-btn-toggle"); await p.waitForTimeout(600)
await p.click("#quarto-sidebar a[href='02_scratch.html']"); await p.waitForURL(/02_scratch/)
console.log(JSON.stringify({pages, found, walked: p.url().split("/").pop(), phoneErrors: phone.seen.errors}))
await browser.close()
