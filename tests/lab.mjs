// JupyterLab in headless Chromium: what stands on the first screen of the home page and of some chapters, and which hosts are asked
import { createRequire } from "node:module"
import { readFileSync } from "node:fs"
const task = JSON.parse(readFileSync(0, "utf8"))
const { chromium } = createRequire(task.npm+"/")("playwright-core")
const browser = await chromium.launch({ executablePath: task.chromium, args: ["--no-sandbox"] })
const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage()
const hosts = new Set(), res = { screens: {} }
page.on("request", r => { const u = new URL(r.url()); if (u.protocol.startsWith("http")) hosts.add(u.hostname) })
async function seen(selector) {
  await page.waitForSelector(selector, { timeout: 90_000 })
  await page.waitForTimeout(2500)
  return page.evaluate(selector => {
    const inside = el => { const r = el.getBoundingClientRect(); return r.width>0 && r.height>0 && r.top<innerHeight && r.bottom>0 }
    return [...document.querySelectorAll(selector)].filter(inside).map(o => o.innerText).join("\n")
  }, selector)
}
try {
  await page.goto(task.url)
  res.home = await seen(".jp-MarkdownViewer")
  res.dialogs = await page.evaluate(() => [...document.querySelectorAll(".jp-Dialog, .jp-toast, .Toastify__toast")].map(o => o.innerText))
  res.folders = await page.evaluate(() => [...document.querySelectorAll(".jp-DirListing-itemText")].map(o => o.innerText))
  for (const place of task.pages) {
    await page.goto(`${task.url}lab/tree/${place}?reset`)
    res.screens[place] = await seen(".jp-Notebook .jp-Cell")
    if (task.shots) await page.screenshot({ path: `${task.shots}/${place.split("/").pop()}.png` })
  }
} catch (e) { res.failed = String(e) }
res.hosts = [...hosts]
await browser.close()
console.log(JSON.stringify(res))
