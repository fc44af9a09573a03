// Drives the reader's page in headless Chromium. Takes a task as JSON on standard input, prints what was seen as JSON; tests/test_browser.py judges it.
import {createRequire} from "node:module"
import {readFileSync} from "node:fs"
const task = JSON.parse(readFileSync(0, "utf8"))
const {chromium} = createRequire(task.npm+"/")("playwright-core")

const QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
const browser = await chromium.launch({executablePath: task.chromium, args: [...QUIET, ...(task.video ? ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", `--use-file-for-fake-video-capture=${task.video}`] : [])]})
const seen = {errors: [], requests: []}

const GPU = /GL Driver Message/ // Chromium's own notes where there is no GPU
async function open({plain=false, before=null, ...options}={}) {
  const page = await (await browser.newContext(options)).newPage()
  page.on("console", m => { if (["error", "warning"].includes(m.type()) && !GPU.test(m.text())) seen.errors.push(m.text()) })
  page.on("pageerror", e => seen.errors.push(e.message))
  page.on("request", r => seen.requests.push(r.url()))
  if (before) await page.addInitScript(before)
  await page.goto(task.url)
  if (plain) { await page.check("#plain"); await page.evaluate(() => document.activeElement.blur()) }
  return page
}
const fresh = page => page.evaluate(() => { document.getElementById("letter").textContent = "–"; document.getElementById("message").textContent = "" })
const settled = page => page.waitForFunction(() => document.getElementById("letter").textContent!=="–" || document.querySelector(".message.bad")?.textContent, null, {timeout: 20000})
const reading = page => page.evaluate(() => {
  const c = document.getElementById("small"), n = c.width, rgba = c.getContext("2d").getImageData(0, 0, n, n).data, text = id => document.getElementById(id).textContent
  return {letter: text("letter"), sure: text("sure"), message: text("message"), top: [...document.querySelectorAll("#top li")].map(o => [o.firstChild.textContent, o.querySelector("meter").value]), picture: Array.from({length: n*n}, (_, i) => rgba[4*i]), hand: text("which-hand")}
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
    const page = await open({plain: true}), res = {}
    for (const f of task.files) res[f] = await read(page, f)
    return res
  },
  async square() {
    const page = await open({plain: true}), res = []
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
    const page = await open({plain: true})
    await page.keyboard.press("Enter"); const early = await page.textContent("#message")
    await read(page, task.files[0]); await page.evaluate(() => document.activeElement.blur())
    for (const k of ["Enter", "Space", "Space", "Enter", "Enter", "Backspace"]) await page.keyboard.press(k)
    const word = await page.inputValue("#word"), focus = []
    await page.focus("#camera")
    for (let i = 0; i<70; i++) { focus.push(await page.evaluate(() => document.activeElement.id || document.activeElement.tagName)); await page.keyboard.press("Tab") }
    await page.focus("#J"); await page.keyboard.press("Space"); await page.focus("#Z"); await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    const named = await page.evaluate(() => [...document.querySelectorAll("button, input, meter, progress, canvas, select")].filter(o => !(o.getAttribute("aria-hidden") || o.getAttribute("aria-label") || o.textContent.trim() || o.labels?.length)).map(o => o.outerHTML))
    await page.waitForTimeout(200)
    return {early, word, after: await page.inputValue("#word"), focus, named, said: await page.textContent("#said")}
  },
  async bad() {
    const page = await open({plain: true}), res = {}
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
    const page = await open({viewport: {width: 390, height: 844}, plain: true})
    await page.evaluate(size => { document.documentElement.style.fontSize = size }, task.size || "")
    await read(page, task.files[0]); await page.evaluate(() => document.querySelectorAll("[hidden]").forEach(o => { o.hidden = false })); await page.evaluate(() => document.querySelectorAll("details").forEach(o => { o.open = true }))
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
    const page = await open({plain: true}), res = {}
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
    const page = await open({plain: !!task.plain}), t = Date.now()
    await page.click("#camera"); await settled(page)
    const first = (Date.now()-t)/1000, letters = []
    for (let i = 0; i<task.seconds*4; i++) { await page.waitForTimeout(250); letters.push(await page.textContent("#letter")) }
    const res = {first, letters, rate: parseFloat(await page.textContent("#rate")), word: await page.inputValue("#word"), button: await page.textContent("#camera"), message: await page.textContent("#message"), hosts: [...new Set(seen.requests.map(u => new URL(u).host))]}
    await page.click("#camera")
    return {...res, off: await page.textContent("#message")}
  },
  // Photographs by the page's own modules: joints, certainty, probabilities
  async photographs() {
    const page = await open(), res = []
    for (const f of task.files) res.push(await page.evaluate(async ({data, name, url}) => {
      const [r, h] = await Promise.all(["reader.js", "hand.js"].map(o => import(new URL(o, url))))
      window.tools ??= (async () => { const reader = await r.Reader.load(); return {hands: await h.HandReader.load(reader), finder: await h.Finder.load(reader.about)} })()
      const {hands, finder} = await window.tools, bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0))
      const photo = await r.open_photo(new File([bytes], name)), {width: w, height: hi} = photo, hand = await finder.still(photo, w, hi)
      if (!hand) return null
      const levels = r.grey(photo.getContext("2d").getImageData(0, 0, w, hi).data), picture = h.hand_picture(levels, w, hi, hand)
      const {probs, features} = await hands.look([hand.joints], [hand.handed], picture)
      return {joints: hand.joints, handed: hand.handed, certainty: hand.certainty, probs: [...probs.data], features: [...features.data], picture: [...picture]}
    }, {data: readFileSync(f).toString("base64"), name: f.split("/").at(-1), url: task.url}))
    return res
  },
  // Joints and squares that are given: what the page makes of them
  async looks() {
    const page = await open()
    return page.evaluate(async ({joints, handed, squares, url}) => {
      const [r, h] = await Promise.all(["reader.js", "hand.js"].map(o => import(new URL(o, url))))
      const hands = await h.HandReader.load(await r.Reader.load()), {probs, features} = await hands.look(joints, handed, Uint8Array.from(atob(squares), c => c.charCodeAt(0)))
      return {probs: [...probs.data], features: [...features.data], squares: joints.map(h.hand_square)}
    }, task)
  },
  // What was taught: the page's own class
  async taught() {
    const page = await open()
    return page.evaluate(async ({text, views, url}) => {
      const {Mine} = await import(new URL("teach.js", url)), about = await (await fetch("about.json")).json(), errors = {}
      const mine = Mine.from(text, about.letters, about.mine)
      for (const [k, bad] of Object.entries({cut: text.slice(0, 50), other: "{}", format: text.replace('"format": 1', '"format": 9'), letter: text.replace('"A"', '"J"')})) try { Mine.from(bad, about.letters, about.mine); errors[k] = "" } catch (e) { errors[k] = e.message }
      const old = Mine.from(text, about.letters, {...about.mine, reader: "another"})
      return {read: views.map(v => mine.read(v.probs, v)), by_joints: views.map(v => old.read(v.probs, v)), again: mine.text(), errors, old: old.old, count: mine.count}
    }, task)
  },
  // A lesson and a practice before a fake camera; what is kept, and forgotten
  async lesson() {
    const page = await open({viewport: {width: 1200, height: 1400}}), res = {}, text = id => page.textContent(id)
    const kept = () => page.evaluate(() => localStorage.getItem("asl_course hand"))
    await page.click("#teach"); await page.waitForFunction(() => document.getElementById("target").textContent==="B", null, {timeout: 40000})
    await page.waitForFunction(() => document.getElementById("lesson-said").textContent.includes("nearer"), null, {timeout: 20000}); res.asked = await text("#lesson-said"); await page.click("#drop")
    res.after = await text("#taught"); res.word = await page.inputValue("#word")
    await page.click("#skip"); res.next = await text("#target"); await page.click("#teach")
    res.taught = await text("#taught"); res.kept = JSON.parse(await kept())
    const [file] = await Promise.all([page.waitForEvent("download"), page.click("#export")]); res.file = JSON.parse(readFileSync(await file.path(), "utf8"))
    await page.fill("#aim", "j"+task.letter); await page.click("#go"); res.moving = await text("#aim-said"); await page.click("#pass")
    await page.waitForFunction(() => document.getElementById("aim-said").textContent.endsWith("done."), null, {timeout: 20000}); res.practice = await text("#aim-said"); res.missed = await text("#missed tbody")
    await page.reload(); await page.click("#example"); await settled(page); res.again = await text("#taught")
    await page.click("#forget"); res.forgotten = await text("#taught"); res.left = await kept()
    await page.setInputFiles("#import", {name: "bad.json", mimeType: "application/json", buffer: Buffer.from("{")}); await page.waitForFunction(() => document.getElementById("taught").textContent.includes("Not opened")); res.bad = await text("#taught")
    await page.setInputFiles("#import", {name: "mine.json", mimeType: "application/json", buffer: Buffer.from(JSON.stringify(res.file))}); await page.waitForFunction(() => /pictures of/.test(document.getElementById("taught").textContent)); res.imported = await text("#taught")
    return res
  },
  // Browsers that lack something, each in a page of its own: what is said
  async lacking() {
    const res = {}, lack = {wasm: () => { delete globalThis.WebAssembly }, bitmap: () => { delete globalThis.createImageBitmap },
      storage: () => { Object.defineProperty(globalThis, "localStorage", {get() { throw new DOMException("no", "SecurityError") }}) },
      offscreen: () => { delete globalThis.OffscreenCanvas },
      options: () => { const old = createImageBitmap; globalThis.createImageBitmap = (f, o) => o ? Promise.reject(new TypeError("options")) : old(f) }}
    for (const [k, before] of Object.entries(lack)) {
      const page = await open({before, plain: true})
      await page.setInputFiles("#file", task.files[0]); await settled(page)
      res[k] = {message: await page.textContent("#message"), letter: await page.textContent("#letter")}
    }
    const page = await open({plain: true})
    const png = readFileSync(task.files[0]).toString("base64")
    await page.evaluate(png => { const d = new DataTransfer(); d.items.add(new File([Uint8Array.from(atob(png), c => c.charCodeAt(0))], "shot.png", {type: "image/png"})); document.dispatchEvent(new ClipboardEvent("paste", {clipboardData: d, bubbles: true, cancelable: true})) }, png)
    await settled(page); res.paste = {letter: await page.textContent("#letter")}
    return res
  },
  // axe-core, in light and dark, with everything open
  async axe() {
    const res = {}, axe = readFileSync(task.npm+"/axe-core/axe.min.js", "utf8")
    for (const colorScheme of ["light", "dark"]) {
      const page = await open({colorScheme, bypassCSP: true})
      await read(page, task.files[0]); await page.evaluate(() => { document.querySelectorAll("[hidden]").forEach(o => { o.hidden = false }); document.querySelectorAll("details").forEach(o => { o.open = true }) })
      await page.evaluate(axe)
      res[colorScheme] = await page.evaluate(async () => (await axe.run()).violations.map(o => `${o.impact} ${o.id}: ${o.nodes.map(n => n.target.join(" ")).join(", ")}`))
    }
    return res
  }}

const result = {}
for (const name of task.checks) {
  seen.requests.length = 0
  try { result[name] = await checks[name]() } catch (e) { result[name] = {failed: e.message.slice(0, 2000)} }
  for (const c of browser.contexts()) await c.close()
}
await browser.close()
console.log(JSON.stringify({...result, errors: seen.errors}))
