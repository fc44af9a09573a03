// Drives the reader's page in headless Chromium. Takes a task as JSON on standard input, prints what was seen as JSON; tests/test_browser.py judges it.
import {createRequire} from "node:module"
import {readFileSync} from "node:fs"
const task = JSON.parse(readFileSync(0, "utf8"))
const {chromium} = createRequire(task.npm+"/")("playwright-core")

const QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
const browser = await chromium.launch({executablePath: task.chromium, args: [...QUIET, ...(task.video ? ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", `--use-file-for-fake-video-capture=${task.video}`] : [])]})
const seen = {errors: [], requests: []}

async function open(options={}) {
  const page = await (await browser.newContext(options)).newPage()
  page.on("console", m => { if (["error", "warning"].includes(m.type())) seen.errors.push(m.text()) })
  page.on("pageerror", e => seen.errors.push(e.message))
  page.on("request", r => seen.requests.push(r.url()))
  await page.goto(task.url)
  return page
}
const fresh = page => page.evaluate(() => { document.getElementById("letter").textContent = "–"; document.getElementById("message").textContent = "" })
const settled = page => page.waitForFunction(() => document.getElementById("letter").textContent!=="–" || document.querySelector(".message.bad")?.textContent, null, {timeout: 20000})
const reading = page => page.evaluate(() => {
  const c = document.getElementById("small"), rgba = c.getContext("2d").getImageData(0, 0, 28, 28).data, text = id => document.getElementById(id).textContent
  return {letter: text("letter"), sure: text("sure"), message: text("message"), top: [...document.querySelectorAll("#top li")].map(o => [o.firstChild.textContent, o.querySelector("meter").value]), picture: Array.from({length: 784}, (_, i) => rgba[4*i])}
})
const read = async (page, file) => { await fresh(page); await page.setInputFiles("#file", file); await settled(page); return reading(page) }

const checks = {
  async loads() {
    const page = await open(), before = [...seen.requests], t = Date.now()
    await page.click("#example"); await settled(page)
    const seconds = (Date.now()-t)/1000
    return {before, after: seen.requests, seconds, ...await reading(page), title: await page.title()}
  },
  async files() {
    const page = await open(), res = {}
    for (const f of task.files) res[f] = await read(page, f)
    return res
  },
  async square() {
    const page = await open(), res = []
    await read(page, task.files[0]); await page.evaluate(() => document.querySelectorAll("details").forEach(o => { o.open = true }))
    for (const {x, y, size, mirror} of task.squares) {
      await page.setChecked("#mirror", mirror)
      for (const [id, v] of [["size", size], ["x", x], ["y", y]]) await page.fill(`#${id}`, String(v))
      await page.waitForTimeout(300)
      res.push(await reading(page))
    }
    return res
  },
  async parity() {
    const page = await open()
    return page.evaluate(async ({rows, url}) => {
      const {Reader} = await import(new URL("reader.js", url)), reader = await Reader.load()
      return [...await reader.probs(Uint8Array.from(atob(rows), c => c.charCodeAt(0)))]
    }, task)
  },
  async speller() {
    const page = await open()
    return page.evaluate(async ({sights, hold, url}) => {
      const {Speller} = await import(new URL("reader.js", url)), word = new Speller(hold)
      const added = sights.map(([letter, t]) => word.see(letter, t))
      word.space(); word.space(); word.add("X"); word.add("Y"); word.delete()
      return {added, text: word.text}
    }, task)
  },
  async keyboard() {
    const page = await open()
    await page.keyboard.press("Enter"); const early = await page.textContent("#message")
    await read(page, task.files[0]); await page.evaluate(() => document.activeElement.blur())
    for (const k of ["Enter", "Space", "Space", "Enter", "Enter", "Backspace"]) await page.keyboard.press(k)
    const word = await page.inputValue("#word"), focus = []
    await page.focus("#camera")
    for (let i = 0; i<18; i++) { focus.push(await page.evaluate(() => document.activeElement.id || document.activeElement.tagName)); await page.keyboard.press("Tab") }
    await page.focus("#J"); await page.keyboard.press("Space"); await page.focus("#Z"); await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    const named = await page.evaluate(() => [...document.querySelectorAll("button, input, meter, progress, canvas, select")].filter(o => !(o.getAttribute("aria-hidden") || o.getAttribute("aria-label") || o.textContent.trim() || o.labels?.length)).map(o => o.outerHTML))
    await page.waitForTimeout(200)
    return {early, word, after: await page.inputValue("#word"), focus, named, said: await page.textContent("#said")}
  },
  async bad() {
    const page = await open(), res = {}
    for (const f of task.files) res[f] = (await read(page, f)).message
    await page.evaluate(() => { const e = new DragEvent("drop", {dataTransfer: new DataTransfer(), bubbles: true, cancelable: true}); document.dispatchEvent(e) })
    res.drop = await page.textContent("#message")
    await page.evaluate(() => { const d = new DataTransfer(); d.items.add(new File(["words"], "notes.txt", {type: "text/plain"})); document.dispatchEvent(new DragEvent("drop", {dataTransfer: d, bubbles: true, cancelable: true})) })
    await page.waitForFunction(() => document.getElementById("message").textContent.startsWith("notes.txt")); res.dropped = await page.textContent("#message")
    for (const name of ["NotAllowedError", "NotFoundError", "NotReadableError"]) {
      await page.evaluate(name => { document.getElementById("message").textContent = ""; navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", name)) }, name)
      await page.click("#camera"); await page.waitForFunction(() => document.querySelector(".message.bad")?.textContent); res[name] = await page.textContent("#message")
    }
    return res
  },
  async phone() {
    const page = await open({viewport: {width: 390, height: 844}})
    await read(page, task.files[0]); await page.evaluate(() => document.querySelectorAll("details").forEach(o => { o.open = true }))
    return page.evaluate(() => ({wide: document.documentElement.scrollWidth, small: [...document.querySelectorAll("button, label.button")].map(o => o.getBoundingClientRect()).filter(r => r.height<40).length}))
  },
  async again() {
    const page = await open(), kept = [...seen.errors]
    await page.route("**/*.wasm", r => r.abort())
    await page.click("#example"); await settled(page); const failed = await page.textContent("#message")
    await page.unroute("**/*.wasm"); await fresh(page)
    await page.click("#example"); await page.waitForFunction(() => document.getElementById("letter").textContent!=="–", null, {timeout: 20000})
    seen.errors = kept // what was cut off on purpose
    return {lost: failed, ...await reading(page)}
  },
  async states() {
    const page = await open(), res = {}
    await page.evaluate(() => { const get = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices); window.asked = 0; navigator.mediaDevices.getUserMedia = o => { window.asked++; return get(o) } })
    await page.evaluate(() => { document.getElementById("camera").click(); document.getElementById("example").click() })
    await page.waitForFunction(() => document.getElementById("letter").textContent!=="–"); res.asked = await page.evaluate(() => window.asked); res.example = await page.textContent("#message")
    await page.uncheck("#hold"); await page.click("#camera"); await page.waitForFunction(() => document.getElementById("rate").textContent)
    await page.keyboard.press("Enter"); await page.keyboard.press("Space"); res.word = await page.inputValue("#word"); res.button = await page.textContent("#camera")
    await page.click("#camera"); await page.waitForTimeout(300); res.stopped = await reading(page); res.rate = await page.textContent("#rate"); res.held = await page.evaluate(() => document.getElementById("held").value)
    res.view = await page.evaluate(() => { const v = document.getElementById("view"), d = v.getContext("2d").getImageData(v.width/4, v.height/4, v.width/2, v.height/2).data; return d.reduce((a, b) => a+b, 0)/d.length })
    await page.check("#mirror"); await page.waitForTimeout(300); res.mirrored = await reading(page)
    return res
  },
  async camera() {
    const page = await open(), t = Date.now()
    await page.click("#camera"); await settled(page)
    const first = (Date.now()-t)/1000, letters = []
    for (let i = 0; i<task.seconds*4; i++) { await page.waitForTimeout(250); letters.push(await page.textContent("#letter")) }
    const res = {first, letters, rate: parseFloat(await page.textContent("#rate")), word: await page.inputValue("#word"), button: await page.textContent("#camera")}
    await page.click("#camera")
    return {...res, off: await page.textContent("#message")}
  }}

const result = {}
for (const name of task.checks) {
  seen.requests.length = 0
  try { result[name] = await checks[name]() } catch (e) { result[name] = {failed: e.message.slice(0, 2000)} }
  for (const c of browser.contexts()) await c.close()
}
await browser.close()
console.log(JSON.stringify({...result, errors: seen.errors}))
