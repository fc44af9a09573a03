// From a picture to a letter, by the same steps as asl_course.predict, which tests compare with this file
export const SIZE = 28
const MOST = 150_000_000, LEAST = 14 // pixels that are decoded at most; of each side at least

// Grey levels from RGBA bytes, on white where they are see-through (ITU-R 601-2 luma, as Pillow rounds it)
export function grey(rgba) {
  const res = new Uint8Array(rgba.length/4)
  for (let i = 0, j = 0; j<res.length; i += 4, j++) {
    let r = rgba[i], g = rgba[i+1], b = rgba[i+2]; const a = rgba[i+3]
    if (a<255) [r, g, b] = [r, g, b].map(c => Math.round((c*a+255*(255-a))/255))
    res[j] = (r*19595+g*38470+b*7471+32768) >> 16
  }
  return res
}

// The square that is read: [left, top, side], pixels
export function square(w, h, crop, margin=0) {
  const m = Math.min(w, h), [l, t, r, b] = crop || [(w-m)/2, (h-m)/2, (w+m)/2, (h+m)/2], side = Math.max(r-l, b-t)*(1+2*margin)
  return [(l+r-side)/2, (t+b-side)/2, side]
}

const cubic = x => { x = Math.abs(x); return x<1 ? (1.5*x-2.5)*x*x+1 : x<2 ? ((-.5*x+2.5)*x-4)*x+2 : 0 }

// Which pixels of a line make each of so many, and by how much: bicubic, widened where the picture shrinks
function weights(start, side, n, size) {
  const scale = side/size, wide = Math.max(scale, 1), reach = 2*wide
  return Array.from({length: size}, (_, i) => {
    const mid = start+(i+.5)*scale, lo = Math.max(0, Math.trunc(mid-reach+.5)), hi = Math.min(n, Math.trunc(mid+reach+.5))
    const w = Array.from({length: hi-lo}, (_, k) => cubic((k+lo-mid+.5)/wide)), sum = w.reduce((a, b) => a+b, 0)
    return [lo, w.map(o => { const v = o/sum*2**22; return Math.trunc(v<0 ? v-.5 : v+.5) })] // fixed point, as Pillow has it
  })
}
const byte = o => { o = Math.floor((o+2**21)/2**22); return o<0 ? 0 : o>255 ? 255 : o }

// Grey levels, size x size, of the square [left, top, side]; what lies over the edge repeats the edge
export function shrink(g, w, h, [left, top, side], size=SIZE) {
  const over = Math.ceil(Math.max(0, -left, -top, left+side-w, top+side-h)), at = (i, n) => Math.min(Math.max(i-over, 0), n-1)
  const across = weights(left+over, side, w+2*over, size), down = weights(top+over, side, h+2*over, size)
  const first = down[0][0], last = down[size-1][0]+down[size-1][1].length, rows = new Uint8Array((last-first)*size), res = new Uint8Array(size*size)
  for (let y = first; y<last; y++) {
    const line = at(y, h)*w
    for (let x = 0; x<size; x++) {
      const [lo, k] = across[x]; let sum = 0
      for (let i = 0; i<k.length; i++) sum += k[i]*g[line+at(lo+i, w)]
      rows[(y-first)*size+x] = byte(sum)
    }
  }
  for (let y = 0; y<size; y++) {
    const [lo, k] = down[y]
    for (let x = 0; x<size; x++) {
      let sum = 0
      for (let i = 0; i<k.length; i++) sum += k[i]*rows[(lo+i-first)*size+x]
      res[y*size+x] = byte(sum)
    }
  }
  return res
}

export function flip(p, size=SIZE) { return p.map((_, i) => p[i-i%size+size-1-i%size]) }

// Width and height as the file's head says them, before anything is decoded; null where it does not say
export function dimensions(bytes) {
  const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), tag = (i, s) => [...s].every((c, k) => v.getUint8(i+k)===c.charCodeAt(0))
  try {
    if (tag(1, "PNG")) return [v.getUint32(16), v.getUint32(20)]
    if (tag(0, "GIF8")) return [v.getUint16(6, true), v.getUint16(8, true)]
    if (tag(0, "BM")) return [v.getUint32(18, true), Math.abs(v.getInt32(22, true))]
    if (tag(0, "RIFF") && tag(12, "VP8X")) return [1+v.getUint16(24, true)+65536*v.getUint8(26), 1+v.getUint16(27, true)+65536*v.getUint8(29)]
    if (v.getUint16(0)===0xFFD8) for (let i = 2; i<v.byteLength-9; i += 2+v.getUint16(i+2)) {
      const m = v.getUint8(i+1)
      if (m>=0xC0 && m<=0xCF && ![0xC4, 0xC8, 0xCC].includes(m)) return [v.getUint16(i+7), v.getUint16(i+5)]
    }
  } catch { /* too short for a head */ }
  return null
}

// The orientation that a WebP file asks for, 1 to 8 (Exif); browsers turn JPEG and PNG, most of them not WebP
export function webp_orientation(bytes) {
  const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), text = (i, n) => String.fromCharCode(...bytes.subarray(i, i+n))
  if (bytes.length<20 || text(0, 4)!=="RIFF" || text(8, 4)!=="WEBP") return 0
  try {
    for (let i = 12; i+8<=bytes.length; i += 8+v.getUint32(i+4, true)+v.getUint32(i+4, true)%2) {
      if (text(i, 4)!=="EXIF") continue
      const at = i+8+(text(i+8, 4)==="Exif" ? 6 : 0), little = text(at, 2)==="II", first = at+v.getUint32(at+4, little)
      for (let k = 0, n = v.getUint16(first, little); k<n; k++) if (v.getUint16(first+2+12*k, little)===0x112) return v.getUint16(first+10+12*k, little)
    }
  } catch { /* damaged: as it is */ }
  return 1
}

// A canvas that holds a picture, turned as an orientation asks, and shrunk to what every browser can draw
const AREA = 16_777_216
function upright(bitmap, turn) {
  const [w, h] = turn>4 ? [bitmap.height, bitmap.width] : [bitmap.width, bitmap.height], k = Math.min(1, Math.sqrt(AREA/(w*h)))
  const c = Object.assign(document.createElement("canvas"), {width: Math.max(1, Math.floor(w*k)), height: Math.max(1, Math.floor(h*k))}), [W, H] = [c.width, c.height], ctx = c.getContext("2d", {willReadFrequently: true})
  const m = {2: [-1, 0, 0, 1, W, 0], 3: [-1, 0, 0, -1, W, H], 4: [1, 0, 0, -1, 0, H], 5: [0, 1, 1, 0, 0, 0], 6: [0, 1, -1, 0, W, 0], 7: [0, -1, -1, 0, W, H], 8: [0, -1, 1, 0, 0, H]}[turn]
  if (m) ctx.setTransform(...m)
  if (turn>4) ctx.drawImage(bitmap, 0, 0, H, W); else ctx.drawImage(bitmap, 0, 0, W, H)
  ctx.setTransform(1, 0, 0, 1, 0, 0)
  return c
}

// A file as a canvas, upright, with a `note` of what was done to it; throws an Error that says what is wrong with it
export async function open_photo(file) {
  const name = file.name || "the picture"
  if (!file.size) throw Error(`${name} is empty (0 bytes).`)
  const bytes = new Uint8Array(await file.slice(0, 2**20).arrayBuffer()), head = dimensions(bytes)
  if (head && head[0]*head[1]>MOST) throw Error(`${name} has ${head.map(o => o.toLocaleString("en")).join("x")} pixels: more than ${MOST.toLocaleString("en")} are not decoded. Make it smaller first.`)
  let turn = webp_orientation(file.size>bytes.length ? new Uint8Array(await file.arrayBuffer()) : bytes), bitmap
  const how = {imageOrientation: turn ? "none" : "from-image", colorSpaceConversion: "none", premultiplyAlpha: "none"}
  try { bitmap = await createImageBitmap(file, how) }
  catch {
    turn = 0 // a browser that knows no such options turns the picture as it sees fit
    try { bitmap = await createImageBitmap(file) } catch { throw Error(`${name} is not a picture that this browser can read, or it is damaged. PNG and JPEG always work.`) }
  }
  if (Math.min(bitmap.width, bitmap.height)<LEAST) throw Error(`${name} has ${bitmap.width}x${bitmap.height} pixels: expected at least ${LEAST}x${LEAST}.`)
  const made = upright(bitmap, turn)
  bitmap.close()
  made.note = await frames(file)>1 ? `${name} moves: reading its first frame.` : ""
  return made
}

// How many frames a file has, where the browser can tell
async function frames(file) {
  if (typeof ImageDecoder==="undefined" || !["image/gif", "image/webp", "image/apng"].includes(file.type)) return 1
  try {
    const decoder = new ImageDecoder({data: await file.arrayBuffer(), type: file.type})
    await decoder.tracks.ready; await decoder.completed
    return decoder.tracks.selectedTrack.frameCount
  } catch { return 1 }
}

// A model that reads pictures
export class Reader {
  static async load(folder="") {
    const about = await (await got(`${folder}about.json`)).json(), res = new Reader()
    const ort = await import(new URL(about.runtime+"ort.wasm.bundle.min.mjs", document.baseURI))
    ort.env.wasm.numThreads = 1
    ort.env.wasm.wasmBinary = await (await got(new URL(about.runtime+"ort-wasm-simd-threaded.wasm", document.baseURI))).arrayBuffer() // fetched here, so that a lost connection can be tried again
    const model = new Uint8Array(await (await got(`${folder}reader.onnx`)).arrayBuffer())
    return Object.assign(res, {about, ort, session: await ort.InferenceSession.create(model, {executionProviders: ["wasm"]})})
  }
  // Probabilities of pictures that lie one after the other in a Uint8Array, 784 bytes each
  async probs(pictures) {
    const {probs} = await this.session.run({pictures: new this.ort.Tensor("uint8", pictures, [pictures.length/SIZE**2, SIZE, SIZE])})
    return probs.data
  }
  async read(picture) {
    const probs = await this.probs(picture), top = [...probs].map((p, i) => [this.about.letters[i], p]).sort((a, b) => b[1]-a[1])
    return {letter: top[0][0], sure: top[0][1]>=this.about.threshold, top, probs, picture}
  }
}

export async function got(url) {
  let res
  try { res = await fetch(url) } catch { throw Error("the connection was lost. Try again.") }
  if (!res.ok) throw Error(`the page is incomplete on this server, ${String(url).split("/").at(-1)} is missing (${res.status}).`)
  return res
}

// Letters to a word: by hand, or by holding one. The twin of asl_course.app.Speller
export class Speller {
  constructor(hold=.8, grace=.2) { Object.assign(this, {hold, grace, text: "", letter: null, since: 0, last: -Infinity, done: false}) }
  add(letter) { this.text += letter }
  space() { const ok = this.text!=="" && !this.text.endsWith(" "); if (ok) this.text += " "; return ok }
  delete() { this.text = this.text.slice(0, -1) }
  clear() { this.text = "" }
  reset() { Object.assign(this, {letter: null, last: -Infinity, done: false}) } // what was held before does not count
  // What is seen now: a letter, or null where it is not sure; t in seconds. Returns the letter that was added, or null
  see(letter, t) {
    if (letter===this.letter) this.last = t
    else if (this.letter===null || t-this.last>this.grace) Object.assign(this, {letter, since: t, last: t, done: false})
    if (letter===null || letter!==this.letter || this.done || t-this.since<this.hold) return null
    this.done = true; this.add(letter)
    return letter
  }
  // How much of the hold is done, 0 to 1
  held(t) { return this.letter===null || this.done ? 0 : Math.min(1, (t-this.since)/this.hold) }
}
