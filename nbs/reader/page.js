import {Reader, Speller, SIZE, grey, square, shrink, flip, open_photo} from "./reader.js"
import {Finder, HandReader, BONES, SQUARE, hand_square, needed} from "./hand.js"
import {Teaching, Practice} from "./teach.js"

const $ = id => document.getElementById(id)
const canvas = (w, h) => Object.assign(document.createElement("canvas"), {width: w, height: h})
const view = $("view"), ctx = view.getContext("2d"), small = $("small").getContext("2d", {willReadFrequently: true})
const work = canvas(1, 1).getContext("2d", {willReadFrequently: true})
const word = new Speller(), percent = p => (100*p).toFixed(p>.9995 ? 0 : 1)+" %"
// What is looked at: `source` is drawn, `size` are its pixels, `flat` its grey levels (null for a camera), `box` the square [left, top, side]
// that is placed by hand, `hand` what was found (null: none, undefined: not looked for)
let reader = null, finder = null, hands = null, source = null, size = [0, 0], flat = null, box = null, hand, stream = null, selfie = false, now = null, run = 0, ticks = [], busy = false, again = false

const say = (text, bad=false) => { $("message").textContent = text; $("message").classList.toggle("bad", bad) }
const announce = text => { $("said").textContent = ""; setTimeout(() => { $("said").textContent = text }, 60) } // also when it is the same as before
const plain = () => $("plain").checked
const flipped = () => plain() && $("mirror").checked!==(!!stream && selfie) || !plain() && !!stream && selfie // a camera's picture is shown as in a mirror

// -- the models, fetched when they are first asked for

let loading = null, lost = ""
function load() {
  loading ??= (async () => {
    if (window.tooOld) throw Error(window.tooOld)
    say("Fetching what finds and reads hands, once: some 35 MB.")
    reader ??= await Reader.load()
    hands ??= await HandReader.load(reader)
    teaching.begin(reader.about, hands)
    if (reader.about.vision) try { finder ??= await Finder.load(reader.about, k => say(`Fetching what finds hands: ${Math.round(100*k)} %.`)) }
    catch (e) {
      lost = `hands cannot be looked for: ${e.message}`
      $("plain").checked = true; placing()
    }
    else { $("plain").checked = true; placing() }
    if (lost) say(`${lost[0].toUpperCase()}${lost.slice(1)} Place a square around the hand.`, true); else say("")
  })().catch(e => { loading = null; throw window.tooOld ? e : Error(`The model could not be loaded: ${e.message}`) })
  return loading
}

// -- sources: camera, file, example

function stop() {
  run++
  if (!stream) return
  if (source instanceof HTMLVideoElement && source.videoWidth) { // its last frame stays
    const [w, h] = size, last = canvas(w, h), c = last.getContext("2d", {willReadFrequently: true})
    c.drawImage(source, 0, 0, w, h)
    source = last; flat = grey(c.getImageData(0, 0, w, h).data)
  }
  stream.getTracks().forEach(t => t.stop())
  stream = null
  word.reset(); $("held").value = 0; $("rate").textContent = ""; $("camera").textContent = "Use the camera"; $("which").hidden = true
  teaching.stop(); practice.pause()
  if (source) { place(...box); look() }
}

const REFUSED = {
  NotAllowedError: "The camera was refused. Allow it for this page (the sign beside the address), or open a picture instead.",
  NotFoundError: "No camera was found. Plug one in, or open a picture instead.",
  NotReadableError: "The camera is there but cannot be read: another program may be using it. Close that, or open a picture instead."}

async function camera(deviceId) {
  if (stream && !deviceId) return true
  if (!navigator.mediaDevices) { say("Browsers give the camera only to pages from https or localhost. Open a picture instead.", true); return false }
  stop(); const mine = run, video = document.createElement("video")
  let got = null
  const drop = () => { if (mine===run && !document.hidden) return false; got?.getTracks().forEach(t => t.stop()); return true }
  try {
    await load()
    if (drop()) return false
    say("Waiting for the camera: the browser may ask you to allow it.")
    got = await navigator.mediaDevices.getUserMedia({video: {width: {ideal: 640}, height: {ideal: 480}, ...(deviceId ? {deviceId: {exact: deviceId}} : {facingMode: "user"})}})
    if (drop()) return false
    Object.assign(video, {muted: true, playsInline: true, srcObject: got})
    await video.play()
    if (drop()) return false
  } catch (e) {
    got?.getTracks().forEach(t => t.stop())
    if (mine===run) say(REFUSED[e.name] || (e.name==="Error" ? e.message : `The camera could not be started (${e.name}). Open a picture instead.`), true)
    return false
  }
  const track = got.getVideoTracks()[0]
  dark = null; told = false; stream = got; selfie = track.getSettings().facingMode!=="environment"
  track.addEventListener("ended", () => { if (mine===run) { stop(); say("The camera was unplugged or switched off.", true) } })
  $("camera").textContent = "Stop the camera"; ticks = []
  if (!lost) say("")
  show(video, video.videoWidth, video.videoHeight)
  view.scrollIntoView({block: "nearest"})
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
  return true
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
    const photo = await get()
    if (mine!==run) return
    const {width: w, height: h} = photo, k = Math.min(1, 640/Math.max(w, h)), shown = canvas(Math.max(1, Math.round(w*k)), Math.max(1, Math.round(h*k)))
    const levels = grey(photo.getContext("2d").getImageData(0, 0, w, h).data)
    shown.getContext("2d").drawImage(photo, 0, 0, shown.width, shown.height)
    say(photo.note)
    show(shown, w, h, levels, photo)
    await look()
  } catch (e) { if (mine===run) say(e.message, true) }
}

let photo = null // a still as it was opened
function show(what, w, h, levels=null, whole=null) {
  const k = (w>=h ? 640/w : 640/h)
  source = what; size = [w, h]; flat = levels; photo = whole; hand = undefined
  view.width = Math.max(1, Math.round(w*k)); view.height = Math.max(1, Math.round(h*k))
  place(...square(w, h))
}

// -- the square that is placed by hand: [left, top, side] in pixels of the picture

function place(l, t, s) {
  const [w, h] = size, most = Math.max(w, h)
  s = Math.min(Math.max(s, 14), most)
  const range = (v, n) => n>=s ? Math.min(Math.max(v, 0), n-s) : (n-s)/2, part = (v, n) => n>s ? Math.round(100*v/(n-s)) : 50
  box = [range(l, w), range(t, h), s]
  $("x").value = flipped() ? 100-part(box[0], w) : part(box[0], w); $("y").value = part(box[1], h); $("size").value = Math.round(100*s/most)
}

function placing() { $("placing").hidden = !plain(); view.classList.toggle("placing", plain()) }

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
  view.addEventListener("pointerdown", e => { if (!plain() || !source || e.button || !e.isPrimary) return; from = at(e); before = box; view.setPointerCapture(e.pointerId) })
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

// -- looking: find, draw, read, tell

async function look() {
  if (!source || busy) { again = !!source; return }
  busy = true
  try {
    do { again = false; await once() } while (again && !stream)
  } catch (e) { stop(); say(`The picture could not be read: ${e.message}`, true) }
  finally { busy = false }
}

async function once() {
  if (plain() || !finder) {
    draw(null)
    const picture = reads()
    tell({...await reader.read(picture), picture, side: SIZE})
  } else {
    if (stream) hand = await finder.frame(source, ...size, performance.now())
    else if (hand===undefined) hand = await finder.still(photo || source, ...size)
    draw(hand)
    tell(hand ? await seen(hand) : null)
  }
  if (stream) overlay()
}

// A hand that was found, read by its joints and pixels, and by what was taught
async function seen(hand) {
  const picture = levels(hand_square(hand.joints), SQUARE), {probs, features} = await hands.look([hand.joints], [hand.handed], picture)
  const view = {joints: hand.joints, handed: hand.handed, features: features && [...features.data]}, p = teaching.mine.read([...probs.data], view)
  const top = p.map((q, i) => [reader.about.letters[i], q]).sort((a, b) => b[1]-a[1])
  return {letter: top[0][0], sure: top[0][1]>=hands.about.threshold && hand.certainty>=.5, top, probs: p, before: [...probs.data], picture, side: SQUARE, hand, view}
}

function draw(hand) {
  const k = view.width/size[0]
  ctx.save()
  if (flipped()) { ctx.translate(view.width, 0); ctx.scale(-1, 1) }
  ctx.fillStyle = "#fff"; ctx.fillRect(0, 0, view.width, view.height)
  ctx.drawImage(source, 0, 0, view.width, view.height)
  if (plain()) {
    const [l, t, s] = box.map(o => o*k)
    ctx.fillStyle = "#0008"; ctx.beginPath(); ctx.rect(0, 0, view.width, view.height); ctx.rect(l, t, s, s); ctx.fill("evenodd")
    ctx.strokeStyle = "#ffb000"; ctx.lineWidth = 3; ctx.strokeRect(l, t, s, s)
  }
  if (hand) {
    const at = hand.joints.map(([x, y]) => [x*k, y*k])
    for (const [colour, wide] of [["#000a", 6], ["#ffb000", 3]]) {
      ctx.strokeStyle = colour; ctx.lineWidth = wide; ctx.lineCap = "round"; ctx.beginPath()
      for (const [a, b] of BONES) { ctx.moveTo(...at[a]); ctx.lineTo(...at[b]) }
      ctx.stroke()
    }
    ctx.fillStyle = "#fff"
    for (const o of at) { ctx.beginPath(); ctx.arc(...o, 3.5, 0, 7); ctx.fill() }
  }
  ctx.restore()
}

function overlay() { // the letter beside the hand, for those who look at the picture
  const d = Math.round(view.height/5)
  ctx.fillStyle = "#000c"; ctx.fillRect(0, 0, d, d)
  ctx.fillStyle = now?.sure ? "#fff" : "#999"; ctx.font = `bold ${Math.round(.75*d)}px system-ui, sans-serif`; ctx.textAlign = "center"; ctx.textBaseline = "middle"
  ctx.fillText(now?.sure ? now.letter : now ? "?" : "–", d/2, d/2)
  ctx.fillStyle = "#ffb000"; ctx.fillRect(0, d, d*$("held").value, Math.max(4, d/12))
}

// Grey levels of a square of what is looked at
function levels(sq, n) {
  const [w, h] = size
  if (flat) return shrink(flat, w, h, sq, n)
  const [x0, y0, wide, high] = needed(sq, w, h, n) // of a camera, only what the square needs
  if (work.canvas.width!==wide || work.canvas.height!==high) Object.assign(work.canvas, {width: wide, height: high})
  work.drawImage(source, -x0, -y0)
  return shrink(grey(work.getImageData(0, 0, wide, high).data), wide, high, [sq[0]-x0, sq[1]-y0, sq[2]], n)
}

function reads() {
  const [w, h] = size, [l, t, s] = box, as_is = flat && w===SIZE && h===SIZE && l===0 && t===0 && s===SIZE, p = as_is ? flat : levels(box, SIZE)
  return $("mirror").checked ? flip(p) : p
}

const rows = Array.from({length: 3}, () => {
  const li = document.createElement("li"), [name, bar, val] = ["span", "meter", "span"].map(o => li.appendChild(document.createElement(o)))
  bar.setAttribute("aria-hidden", "true"); li.hidden = true
  return $("top").appendChild(li) && {li, name, bar, val}
})

// A covered camera, or a dark room: the picture is all one grey, and stays so
let dark = null, told = false // since when, in seconds; has it been said?
function covered(t) {
  const p = levels([0, 0, Math.min(...size)], 16), spread = Math.max(...p)-Math.min(...p)
  if (spread>24) { if (told) say(""); dark = null; told = false }
  else if (dark===null) dark = t
  else if (!told && t-dark>1.5) { told = true; say("The camera's picture is all one grey: is the camera covered, or the room dark?", true) }
}

function tell(said) {
  now = said
  const t = performance.now()/1000
  if (stream && (!said || plain() || told)) covered(t)
  if (said) {
    const {letter, sure, top, picture, side, hand} = said, rgba = new ImageData(side, side)
    if ($("small").width!==side) Object.assign($("small"), {width: side, height: side})
    picture.forEach((v, i) => rgba.data.set([v, v, v, 255], 4*i))
    small.putImageData(rgba, 0, 0)
    $("letter").textContent = letter; $("sure").textContent = sure ? percent(top[0][1]) : `not sure (${percent(top[0][1])})`
    $("which-hand").textContent = hand ? `${hand.handed<0 ? "left" : "right"} hand${hand.others ? ", the larger of two" : ""}` : ""
    rows.forEach(({li, name, bar, val}, i) => { const [l, p] = top[i]; li.hidden = false; name.textContent = l; val.textContent = percent(p); bar.value = p })
  } else {
    $("letter").textContent = "∅"; $("sure").textContent = "no hand"; $("which-hand").textContent = ""
    rows.forEach(o => { o.li.hidden = true })
    small.clearRect(0, 0, SQUARE, SQUARE)
  }
  $("letter").classList.toggle("unsure", !said?.sure)
  const what = !said ? "No hand was found" : said.sure ? `Read: ${said.letter}` : `Not sure, perhaps ${said.letter}`, label = `The picture, and the hand that is read. ${what}.`
  if (!stream && view.getAttribute("aria-label")!==label) view.setAttribute("aria-label", label)
  if (!stream) {
    if (!said) say("No hand was found in this picture. Is it whole, and large enough? You can place a square around it yourself, below.", true)
    announce(said ? said.sure ? said.letter : `not sure, perhaps ${said.letter}` : "no hand")
    return
  }
  if (teaching.running) { teaching.see(said?.hand ? said : null, t); return } // a square that is placed by hand has no joints to learn
  if (practice.running) { practice.see(said, t); return }
  word.hold = Math.max(.3, +$("seconds").value || .8)
  if (!$("hold").checked) { word.reset(); $("held").value = 0; return }
  const added = word.see(said?.sure ? said.letter : null, t)
  $("held").value = word.held(t)
  if (added) write(`${added} added`)
}

// -- the word

function write(what) { $("word").value = word.text; if (what) announce(`${what}. The word: ${[...word.text].map(o => o===" " ? "space" : o).join(" ") || "empty"}`) }
const acts = {
  add() { if (now) { word.add(now.letter); write(`${now.letter} added`) } else say(source ? "No hand, no letter." : "No letter yet: use the camera or open a picture.", true) },
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
  if (practice.running && free && e.key==="ArrowRight") { e.preventDefault(); practice.pass(); return }
  if (e.ctrlKey || e.metaKey || e.altKey || !(e.key in keys) || !(free || button && e.key==="Backspace")) return
  e.preventDefault()
  if (!e.repeat || e.key==="Backspace") acts[keys[e.key]]()
})

// -- teaching and practice

async function at_camera() { // teaching and practice need a hand that is found
  $("plain").checked = false; placing()
  try { await load() } catch (e) { say(e.message, true); return false }
  if (finder) return camera()
  say(`Teaching and practice need a hand that is found, and ${lost || "what finds hands is missing here"}`, true)
  return false
}
const teaching = new Teaching(at_camera, () => { practice.pause(); refresh() }, () => practice.forget())
const practice = new Practice(at_camera, () => teaching.stop())

// -- wiring

$("camera").addEventListener("click", async () => { if (stream) { stop(); say("The camera is off.") } else if (await camera()) $("word").focus({preventScroll: true}) })
$("which").addEventListener("change", e => camera(e.target.value))
$("file").addEventListener("change", e => { const f = e.target.files[0]; e.target.value = ""; if (f) still(() => open_photo(f)) })
let turn = 0
$("example").addEventListener("click", () => still(async () => {
  const name = reader.about.examples[turn++%reader.about.examples.length], res = await fetch(name)
  if (!res.ok) throw Error(`The example ${name} is missing on this server (${res.status}).`)
  const photo = await open_photo(Object.assign(await res.blob(), {name}))
  return Object.assign(photo, {note: `Example: a drawn hand, the letter ${name.split("/").at(-1)[0]}.`})
}))
$("plain").addEventListener("change", () => { placing(); if (source) place(...box); refresh() })
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
document.addEventListener("paste", e => {
  const f = [...e.clipboardData.files].find(o => o.type.startsWith("image/"))
  if (f) { e.preventDefault(); still(() => open_photo(f)) }
})
document.addEventListener("visibilitychange", () => { if (document.hidden && stream) { stop(); say("The camera was switched off while the page was hidden.") } })
drag(); placing(); write()
if (!window.tooOld) say("")
