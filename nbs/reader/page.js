import {Reader, Speller, SIZE, grey, square, shrink, flip, open_photo} from "./reader.js"

const $ = id => document.getElementById(id)
const view = $("view"), ctx = view.getContext("2d"), small = $("small").getContext("2d", {willReadFrequently: true})
const work = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true})
const word = new Speller(), percent = p => (100*p).toFixed(p>.9995 ? 0 : 1)+" %"
// What is looked at: `source` is drawn, `size` are its pixels, `flat` its grey levels (null for a camera), `box` the square [left, top, side]
let reader = null, source = null, size = [0, 0], flat = null, box = null, stream = null, selfie = false, now = null, run = 0, ticks = [], busy = false, again = false

const say = (text, bad=false) => { $("message").textContent = text; $("message").classList.toggle("bad", bad) }
const announce = text => { $("said").textContent = ""; setTimeout(() => { $("said").textContent = text }, 60) } // also when it is the same as before
const flipped = () => $("mirror").checked!==(!!stream && selfie) // a camera's picture is shown as in a mirror

// -- the model, fetched when it is first asked for

let loading = null
function load() {
  loading ??= (async () => {
    say("Fetching the model and what runs it, once: some 15 MB.")
    reader = await Reader.load()
    say("")
  })().catch(e => { loading = null; throw Error(`The model could not be loaded: ${e.message}`) })
  return loading
}

// -- sources: camera, file, example

function stop() {
  run++
  if (!stream) return
  if (source instanceof HTMLVideoElement && source.videoWidth) { // its last frame stays
    const [w, h] = size, last = new OffscreenCanvas(w, h), c = last.getContext("2d", {willReadFrequently: true})
    c.drawImage(source, 0, 0, w, h)
    source = last; flat = grey(c.getImageData(0, 0, w, h).data)
  }
  stream.getTracks().forEach(t => t.stop())
  stream = null
  word.reset(); $("held").value = 0; $("rate").textContent = ""; $("camera").textContent = "Use the camera"; $("which").hidden = true
  if (source) { place(...box); look() }
}

const REFUSED = {
  NotAllowedError: "The camera was refused. Allow it for this page (the sign beside the address), or open a picture instead.",
  NotFoundError: "No camera was found. Plug one in, or open a picture instead.",
  NotReadableError: "The camera is there but cannot be read: another program may be using it. Close that, or open a picture instead."}

async function camera(deviceId) {
  if (!navigator.mediaDevices) { say("Browsers give the camera only to pages from https or localhost. Open a picture instead.", true); return }
  stop(); const mine = run, video = document.createElement("video")
  let got = null
  const drop = () => { if (mine===run && !document.hidden) return false; got?.getTracks().forEach(t => t.stop()); return true }
  try {
    await load()
    if (drop()) return
    say("Waiting for the camera: the browser may ask you to allow it.")
    got = await navigator.mediaDevices.getUserMedia({video: {width: {ideal: 640}, height: {ideal: 480}, ...(deviceId ? {deviceId: {exact: deviceId}} : {facingMode: "user"})}})
    if (drop()) return
    Object.assign(video, {muted: true, playsInline: true, srcObject: got})
    await video.play()
    if (drop()) return
  } catch (e) {
    got?.getTracks().forEach(t => t.stop())
    if (mine===run) say(REFUSED[e.name] || (e.name==="Error" ? e.message : `The camera could not be started (${e.name}). Open a picture instead.`), true)
    return
  }
  const track = got.getVideoTracks()[0]
  stream = got; selfie = track.getSettings().facingMode!=="environment"
  track.addEventListener("ended", () => { if (mine===run) { stop(); say("The camera was unplugged or switched off.", true) } })
  $("camera").textContent = "Stop the camera"; say(""); ticks = []
  show(video, video.videoWidth, video.videoHeight)
  $("word").focus({preventScroll: true}); view.scrollIntoView({block: "nearest"})
  cameras(track)
  const frame = async () => {
    if (mine!==run) return
    if (video.videoWidth!==size[0] || video.videoHeight!==size[1]) show(video, video.videoWidth, video.videoHeight) // a phone was turned
    const t = performance.now()
    await look()
    ticks = [...ticks.filter(o => t-o<2000), t]
    if (mine===run) $("rate").textContent = ticks.length>4 ? `${((ticks.length-1)*1000/(t-ticks[0])).toFixed(0)} pictures a second` : ""
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(frame); else requestAnimationFrame(frame)
  }
  frame()
}

async function cameras(track) {
  const all = (await navigator.mediaDevices.enumerateDevices().catch(() => [])).filter(o => o.kind==="videoinput" && o.deviceId), here = track.getSettings().deviceId
  $("which").hidden = all.length<2
  $("which").replaceChildren(...all.map((o, i) => Object.assign(document.createElement("option"), {value: o.deviceId, textContent: o.label || `Camera ${i+1}`, selected: o.deviceId===here})))
}

async function still(get) {
  stop(); const mine = run
  try {
    await load()
    const bitmap = await get()
    if (mine!==run) { bitmap.close(); return }
    const [w, h] = [bitmap.width, bitmap.height], k = Math.min(1, 640/Math.max(w, h)), shown = new OffscreenCanvas(Math.max(1, Math.round(w*k)), Math.max(1, Math.round(h*k)))
    Object.assign(work.canvas, {width: w, height: h}); work.drawImage(bitmap, 0, 0)
    const levels = grey(work.getImageData(0, 0, w, h).data)
    shown.getContext("2d").drawImage(bitmap, 0, 0, shown.width, shown.height)
    say(bitmap.note); bitmap.close(); Object.assign(work.canvas, {width: 1, height: 1})
    show(shown, w, h, levels)
    await look()
  } catch (e) { if (mine===run) say(e.message, true) }
}

function show(what, w, h, levels=null) {
  const k = (w>=h ? 640/w : 640/h)
  source = what; size = [w, h]; flat = levels
  view.width = Math.max(1, Math.round(w*k)); view.height = Math.max(1, Math.round(h*k))
  place(...square(w, h))
}

// -- the square: [left, top, side] in pixels of the picture

function place(l, t, s) {
  const [w, h] = size, most = Math.max(w, h)
  s = Math.min(Math.max(s, 14), most)
  const range = (v, n) => n>=s ? Math.min(Math.max(v, 0), n-s) : (n-s)/2, part = (v, n) => n>s ? Math.round(100*v/(n-s)) : 50
  box = [range(l, w), range(t, h), s]
  $("x").value = flipped() ? 100-part(box[0], w) : part(box[0], w); $("y").value = part(box[1], h); $("size").value = Math.round(100*s/most)
}

function slide(e) {
  if (!source) return
  const [w, h] = size, [l, t, old] = box, s = e.target.id==="size" ? Math.max(14, $("size").value/100*Math.max(w, h)) : old, x = flipped() ? 100-$("x").value : +$("x").value
  if (e.target.id==="size") place(l+(old-s)/2, t+(old-s)/2, s)
  else box = [w>s ? x/100*(w-s) : l, h>s ? $("y").value/100*(h-s) : t, s]
  refresh()
}

function drag() {
  let from = null, before = null
  const at = e => { const r = view.getBoundingClientRect(), x = (e.clientX-r.left)/r.width, y = (e.clientY-r.top)/r.height; return [(flipped() ? 1-x : x)*size[0], y*size[1]] }
  view.addEventListener("pointerdown", e => { if (!source || e.button || !e.isPrimary) return; from = at(e); before = box; view.setPointerCapture(e.pointerId) })
  view.addEventListener("pointermove", e => {
    if (!from) return
    const [x, y] = at(e), dx = x-from[0], dy = y-from[1], room = Math.min(dx<0 ? from[0] : size[0]-from[0], dy<0 ? from[1] : size[1]-from[1]), s = Math.min(Math.max(Math.abs(dx), Math.abs(dy)), room)
    if (s<14) return
    place(dx<0 ? from[0]-s : from[0], dy<0 ? from[1]-s : from[1], s); refresh()
  })
  view.addEventListener("pointerup", () => { from = null })
  view.addEventListener("pointercancel", () => { if (from) { from = null; place(...before); refresh() } }) // the page was scrolled
}

const refresh = () => { if (source && !stream) look() }

// -- looking: draw, prepare, read, tell

async function look() {
  if (!source || busy) { again = !!source; return }
  busy = true
  try {
    do { again = false; await once() } while (again && !stream)
  } catch (e) { stop(); say(`The picture could not be read: ${e.message}`, true) }
  finally { busy = false }
}

async function once() {
  draw()
  tell(await reader.read(reads()))
  if (stream) overlay()
}

function draw() {
  const k = view.width/size[0], [l, t, s] = box.map(o => o*k)
  ctx.save()
  if (flipped()) { ctx.translate(view.width, 0); ctx.scale(-1, 1) }
  ctx.fillStyle = "#fff"; ctx.fillRect(0, 0, view.width, view.height)
  ctx.drawImage(source, 0, 0, view.width, view.height)
  ctx.fillStyle = "#0008"; ctx.beginPath(); ctx.rect(0, 0, view.width, view.height); ctx.rect(l, t, s, s); ctx.fill("evenodd")
  ctx.strokeStyle = "#ffb000"; ctx.lineWidth = 3; ctx.strokeRect(l, t, s, s)
  ctx.restore()
}

function overlay() { // the letter beside the hand, for those who look at the picture
  const d = Math.round(view.height/5)
  ctx.fillStyle = "#000c"; ctx.fillRect(0, 0, d, d)
  ctx.fillStyle = now.sure ? "#fff" : "#999"; ctx.font = `bold ${Math.round(.75*d)}px system-ui, sans-serif`; ctx.textAlign = "center"; ctx.textBaseline = "middle"
  ctx.fillText(now.sure ? now.letter : "?", d/2, d/2)
  ctx.fillStyle = "#ffb000"; ctx.fillRect(0, d, d*$("held").value, Math.max(4, d/12))
}

function reads() {
  const [w, h] = size, [l, t, s] = box, mirror = $("mirror").checked
  let p
  if (flat) p = w===SIZE && h===SIZE && l===0 && t===0 && s===SIZE ? flat : shrink(flat, w, h, box)
  else { // of a camera, only what the square needs
    const reach = 2*Math.max(s/SIZE, 1)+1, x0 = Math.max(0, Math.floor(l-reach)), y0 = Math.max(0, Math.floor(t-reach)), x1 = Math.min(w, Math.ceil(l+s+reach)), y1 = Math.min(h, Math.ceil(t+s+reach))
    if (work.canvas.width!==x1-x0 || work.canvas.height!==y1-y0) Object.assign(work.canvas, {width: x1-x0, height: y1-y0})
    work.drawImage(source, -x0, -y0)
    p = shrink(grey(work.getImageData(0, 0, x1-x0, y1-y0).data), x1-x0, y1-y0, [l-x0, t-y0, s])
  }
  return mirror ? flip(p) : p
}

const rows = Array.from({length: 3}, () => {
  const li = document.createElement("li"), [name, bar, val] = ["span", "meter", "span"].map(o => li.appendChild(document.createElement(o)))
  bar.setAttribute("aria-hidden", "true"); li.hidden = true
  return $("top").appendChild(li) && {li, name, bar, val}
})

function tell(said) {
  const {letter, sure, top, picture} = now = said, rgba = new ImageData(SIZE, SIZE), t = performance.now()/1000
  picture.forEach((v, i) => rgba.data.set([v, v, v, 255], 4*i))
  small.putImageData(rgba, 0, 0)
  $("letter").textContent = letter; $("letter").classList.toggle("unsure", !sure)
  $("sure").textContent = sure ? percent(top[0][1]) : `not sure (${percent(top[0][1])})`
  rows.forEach(({li, name, bar, val}, i) => { const [l, p] = top[i]; li.hidden = false; name.textContent = l; val.textContent = percent(p); bar.value = p })
  const label = `The picture and the square that is read. ${sure ? `Read: ${letter}` : `Not sure, perhaps ${letter}`}.`
  if (!stream && view.getAttribute("aria-label")!==label) view.setAttribute("aria-label", label)
  if (!stream) { announce(sure ? letter : `not sure, perhaps ${letter}`); return }
  word.hold = Math.max(.3, +$("seconds").value || .8)
  if (!$("hold").checked) { word.reset(); $("held").value = 0; return }
  const added = word.see(sure ? letter : null, t)
  $("held").value = word.held(t)
  if (added) write(`${added} added`)
}

// -- the word

function write(what) { $("word").value = word.text; if (what) announce(`${what}. The word: ${[...word.text].map(o => o===" " ? "space" : o).join(" ") || "empty"}`) }
const acts = {
  add() { if (now) { word.add(now.letter); write(`${now.letter} added`) } else say("No letter yet: use the camera or open a picture.", true) },
  space() { write(word.space() ? "space added" : "no space added: the word is empty or ends with one") },
  delete() { const o = word.text.at(-1); word.delete(); write(o ? `${o===" " ? "space" : o} deleted` : "nothing to delete") },
  clear() { word.clear(); write("cleared") },
  async copy() { try { await navigator.clipboard.writeText(word.text); announce("copied") } catch { $("word").select(); say("The browser refused to copy: the word is selected, copy it with the keyboard.", true) } },
  J() { word.add("J"); write("J added") },
  Z() { word.add("Z"); write("Z added") }}
const keys = {Enter: "add", " ": "space", Backspace: "delete"}

for (const o in acts) $(o).addEventListener("click", e => { acts[o](); if (e.detail && o!=="copy") $("word").focus({preventScroll: true}) }) // after a mouse or a finger the keys spell
document.addEventListener("keydown", e => {
  const free = e.target===document.body || e.target===$("word"), button = e.target instanceof HTMLButtonElement
  if (e.ctrlKey || e.metaKey || e.altKey || !(e.key in keys) || !(free || button && e.key==="Backspace")) return
  e.preventDefault()
  if (!e.repeat || e.key==="Backspace") acts[keys[e.key]]()
})

// -- wiring

$("camera").addEventListener("click", () => { if (stream) { stop(); say("The camera is off.") } else camera() })
$("which").addEventListener("change", e => camera(e.target.value))
$("file").addEventListener("change", e => { const f = e.target.files[0]; e.target.value = ""; if (f) still(() => open_photo(f)) })
let turn = 0
$("example").addEventListener("click", () => still(async () => {
  const name = reader.about.examples[turn++%reader.about.examples.length], res = await fetch(name)
  if (!res.ok) throw Error(`The example ${name} is missing on this server (${res.status}).`)
  const bitmap = await open_photo(Object.assign(await res.blob(), {name}))
  return Object.assign(bitmap, {note: `Example: a drawn hand, the letter ${name.split("/").at(-1)[0]}.`})
}))
for (const o of ["x", "y", "size"]) $(o).addEventListener("input", slide)
$("whole").addEventListener("click", () => { if (source) { place(...square(...size)); refresh() } })
$("mirror").addEventListener("change", () => { if (source) place(...box); refresh() })
for (const o of ["dragenter", "dragover"]) document.addEventListener(o, e => { e.preventDefault(); document.body.classList.add("drop") })
document.addEventListener("dragleave", e => { if (!e.relatedTarget) document.body.classList.remove("drop") })
document.addEventListener("drop", e => {
  e.preventDefault(); document.body.classList.remove("drop")
  const f = e.dataTransfer.files[0]
  if (f) still(() => open_photo(f)); else say("What was dropped is not a file. Save the picture first, then drop or open it.", true)
})
document.addEventListener("visibilitychange", () => { if (document.hidden && stream) { stop(); say("The camera was switched off while the page was hidden.") } })
drag(); write(); say("")
