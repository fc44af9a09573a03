import {Reader, Speller, SIZE, grey, square, shrink, flip, open_photo} from "./reader.js"

const $ = id => document.getElementById(id)
const view = $("view"), ctx = view.getContext("2d"), small = $("small").getContext("2d", {willReadFrequently: true})
const work = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true})
const word = new Speller(), percent = p => (100*p).toFixed(p>.9995 ? 0 : 1)+" %"
let reader = null, source = null, size = [0, 0], box = null, stream = null, now = null, run = 0, ticks = [], busy = false

const say = (text, bad=false) => { $("message").textContent = text; $("message").classList.toggle("bad", bad) }
const announce = text => { if ($("said").textContent!==text) $("said").textContent = text }

// -- the model, fetched when it is first asked for

let loading = null
function load() {
  loading ??= (async () => {
    say("Fetching the model and what runs it, once: some 15 MB.")
    reader = await Reader.load()
    say("")
    return reader
  })().catch(e => { loading = null; throw Error(`The model could not be loaded: ${e.message}`) })
  return loading
}

// -- sources: camera, file, example

function stop() {
  run++
  stream?.getTracks().forEach(t => t.stop())
  stream = null
  $("camera").textContent = "Use the camera"
}

const REFUSED = {
  NotAllowedError: "The camera was refused. Allow it for this page (the sign beside the address), or open a picture instead.",
  NotFoundError: "No camera was found. Plug one in, or open a picture instead.",
  NotReadableError: "The camera is there but cannot be read: another program may be using it. Close that, or open a picture instead."}

async function camera() {
  if (stream) { stop(); say("The camera is off."); return }
  if (!navigator.mediaDevices) { say("Browsers give the camera only to pages from https or localhost. Open a picture instead.", true); return }
  stop(); const mine = run
  try {
    await load()
    const got = await navigator.mediaDevices.getUserMedia({video: {width: {ideal: 640}, height: {ideal: 480}, facingMode: "user"}})
    if (mine!==run) { got.getTracks().forEach(t => t.stop()); return }
    stream = got
  } catch (e) { say(REFUSED[e.name] || e.message, true); return }
  const video = Object.assign(document.createElement("video"), {muted: true, playsInline: true, srcObject: stream})
  stream.getVideoTracks()[0].addEventListener("ended", () => { stop(); say("The camera was unplugged or switched off.", true) })
  await video.play()
  if (mine!==run) return
  $("camera").textContent = "Stop the camera"; say("")
  show(video, video.videoWidth, video.videoHeight)
  ticks = []
  const frame = async () => {
    if (mine!==run) return
    const t = performance.now()
    await look()
    ticks = [...ticks.filter(o => t-o<2000), t]
    $("rate").textContent = ticks.length>4 ? `${((ticks.length-1)*1000/(t-ticks[0])).toFixed(0)} pictures a second` : ""
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(frame); else requestAnimationFrame(frame)
  }
  frame()
}

async function still(get) {
  stop(); const mine = run
  try {
    const [bitmap] = [await get(), await load()]
    if (mine!==run) return
    say(bitmap.note); $("rate").textContent = ""; word.see(null, 0)
    show(bitmap, bitmap.width, bitmap.height)
    await look()
  } catch (e) { say(e.message, true) }
}

function show(what, w, h) {
  source = what; size = [w, h]
  view.width = Math.min(640, Math.max(w, 480)); view.height = Math.round(view.width*h/w)
  place(...square(w, h))
}

// -- the square: [left, top, side] in pixels of the picture

function place(l, t, s) {
  const [w, h] = size, most = Math.max(w, h)
  s = Math.min(Math.max(s, 14), most)
  const range = (v, n) => n>=s ? Math.min(Math.max(v, 0), n-s) : (n-s)/2
  box = [range(l, w), range(t, h), s]
  const part = (v, n) => n>s ? Math.round(100*v/(n-s)) : 50
  $("x").value = part(box[0], w); $("y").value = part(box[1], h); $("size").value = Math.round(100*s/most)
}

function slide(e) {
  if (!source) return
  const [w, h] = size, [l, t, old] = box, s = e.target.id==="size" ? Math.max(14, $("size").value/100*Math.max(w, h)) : old
  if (e.target.id==="size") place(l+(old-s)/2, t+(old-s)/2, s)
  else box = [w>s ? $("x").value/100*(w-s) : l, h>s ? $("y").value/100*(h-s) : t, s]
  if (!stream) look()
}

function drag() {
  let from = null
  const at = e => { const r = view.getBoundingClientRect(), x = (e.clientX-r.left)/r.width, y = (e.clientY-r.top)/r.height; return [($("mirror").checked ? 1-x : x)*size[0], y*size[1]] }
  view.addEventListener("pointerdown", e => { if (!source) return; from = at(e); view.setPointerCapture(e.pointerId) })
  view.addEventListener("pointermove", e => {
    if (!from) return
    const [x, y] = at(e), dx = x-from[0], dy = y-from[1], s = Math.max(Math.abs(dx), Math.abs(dy))
    if (s<14) return
    place(dx<0 ? from[0]-s : from[0], dy<0 ? from[1]-s : from[1], s)
    if (!stream) look()
  })
  for (const o of ["pointerup", "pointercancel"]) view.addEventListener(o, () => { from = null })
}

// -- looking: draw, prepare, read, tell

async function look() {
  if (!source || busy) { again = !!source; return }
  busy = true
  try {
    do { again = false; await once() } while (again && !stream)
  } catch (e) { stop(); say(`The picture could not be read: ${e.message}`, true) }
  finally { busy = false }
}
let again = false

async function once() {
  const [w, h] = size, mirror = $("mirror").checked
  ctx.save()
  if (mirror) { ctx.translate(view.width, 0); ctx.scale(-1, 1) }
  ctx.fillStyle = "#fff"; ctx.fillRect(0, 0, view.width, view.height)
  ctx.drawImage(source, 0, 0, view.width, view.height)
  const k = view.width/w, [l, t, s] = box
  ctx.fillStyle = "#0008"; ctx.beginPath(); ctx.rect(0, 0, view.width, view.height); ctx.rect(l*k, t*k, s*k, s*k); ctx.fill("evenodd")
  ctx.strokeStyle = "#ffb000"; ctx.lineWidth = 3; ctx.strokeRect(l*k, t*k, s*k, s*k)
  ctx.restore()
  const picture = reads([l, t, s], mirror)
  const said = await reader.read(picture)
  tell(said)
}

function reads([l, t, s], mirror) {
  const [w, h] = size, wide = 2*Math.max(s/SIZE, 1)
  const x0 = Math.max(0, Math.floor(l-wide-1)), y0 = Math.max(0, Math.floor(t-wide-1)), x1 = Math.min(w, Math.ceil(l+s+wide+1)), y1 = Math.min(h, Math.ceil(t+s+wide+1))
  const whole = w===SIZE && h===SIZE
  Object.assign(work.canvas, {width: x1-x0, height: y1-y0})
  work.drawImage(source, -x0, -y0)
  const g = grey(work.getImageData(0, 0, x1-x0, y1-y0).data)
  const p = whole ? g : shrink(g, x1-x0, y1-y0, [l-x0, t-y0, s])
  return mirror ? flip(p) : p
}

function tell(said) {
  const {letter, sure, top, picture} = now = said, held = stream && $("hold").checked
  const rgba = new ImageData(SIZE, SIZE)
  picture.forEach((v, i) => rgba.data.set([v, v, v, 255], 4*i))
  small.putImageData(rgba, 0, 0)
  $("letter").textContent = letter; $("letter").classList.toggle("unsure", !sure)
  $("sure").textContent = sure ? percent(top[0][1]) : `not sure (${percent(top[0][1])})`
  $("top").replaceChildren(...top.slice(0, 3).map(([l, p]) => {
    const li = document.createElement("li"), name = document.createElement("span"), bar = document.createElement("meter"), val = document.createElement("span")
    name.textContent = l; val.textContent = percent(p); Object.assign(bar, {min: 0, max: 1, value: p}); bar.setAttribute("aria-label", `Probability of ${l}`)
    li.append(name, bar, val); return li
  }))
  const t = performance.now()/1000
  word.hold = Math.max(.3, +$("seconds").value || .8)
  const added = held ? word.see(sure ? letter : null, t) : null
  if (!held) word.see(null, t)
  $("held").value = held ? word.held(t) : 0
  if (added) { write(); announce(`${added} added`) }
  else if (!stream) announce(sure ? letter : `not sure, perhaps ${letter}`)
  view.setAttribute("aria-label", `The picture and the square that is read. ${sure ? `Read: ${letter}` : `Not sure, perhaps ${letter}`}.`)
}

// -- the word

const write = () => { $("word").textContent = word.text.replaceAll(" ", "\u2423") ; $("word").dataset.text = word.text }
const acts = {
  add() { if (now) { word.add(now.letter); write(); announce(`${now.letter} added`) } else say("No letter yet: use the camera or open a picture.", true) },
  space() { word.space(); write(); announce("space") },
  delete() { const o = word.text.at(-1); word.delete(); write(); announce(o ? `${o===" " ? "space" : o} deleted` : "nothing to delete") },
  clear() { word.clear(); write(); announce("cleared") },
  J() { word.add("J"); write(); announce("J added") },
  Z() { word.add("Z"); write(); announce("Z added") }}
const keys = {Enter: "add", " ": "space", Backspace: "delete"}

for (const o in acts) $(o).addEventListener("click", acts[o])
document.addEventListener("keydown", e => {
  if (e.ctrlKey || e.metaKey || e.altKey || !(e.key in keys) || e.target!==document.body && e.target!==$("word")) return
  e.preventDefault(); acts[keys[e.key]]()
})

// -- wiring

$("camera").addEventListener("click", camera)
$("file").addEventListener("change", e => { const f = e.target.files[0]; e.target.value = ""; if (f) still(() => open_photo(f)) })
let turn = 0
$("example").addEventListener("click", () => still(async () => {
  const {examples} = await (await fetch("about.json")).json(), name = examples[turn++%examples.length], res = await fetch(name)
  if (!res.ok) throw Error(`${name} could not be fetched (${res.status}).`)
  const file = await res.blob()
  return open_photo(Object.assign(file, {name}))
}))
for (const o of ["x", "y", "size"]) $(o).addEventListener("input", slide)
$("mirror").addEventListener("change", () => { if (source && !stream) look() })
for (const o of ["dragenter", "dragover"]) document.addEventListener(o, e => { e.preventDefault(); document.body.classList.add("drop") })
document.addEventListener("dragleave", e => { if (!e.relatedTarget) document.body.classList.remove("drop") })
document.addEventListener("drop", e => {
  e.preventDefault(); document.body.classList.remove("drop")
  const f = e.dataTransfer.files[0]
  if (f) still(() => open_photo(f)); else say("What was dropped is not a file. Save the picture first, then drop or open it.", true)
})
document.addEventListener("visibilitychange", () => { if (document.hidden && stream) { stop(); say("The camera was switched off while the page was hidden.") } })
drag(); write()
