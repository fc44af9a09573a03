// Looks for a hand, by MediaPipe, by the same steps as asl_course.joints.find_hand; and reads the hand that was found
import {got, grey, shrink} from "./reader.js"

export const BONES = [[0, 1], [1, 2], [2, 3], [3, 4], [0, 5], [5, 6], [6, 7], [7, 8], [5, 9], [9, 10], [10, 11], [11, 12], [9, 13], [13, 14], [14, 15], [15, 16], [13, 17], [17, 18], [18, 19], [19, 20], [0, 17]]
const SQUARE = 64, ROOM = 1.35
const TRIES = [[0, .5], [.35, .5], [.8, .5], [.35, .1], [.8, .1], [0, .1]] // border, as a part of the longer side; certainty that is asked for

// The square [left, top, side] around joints, pixels
export function hand_square(joints) {
  const xs = joints.map(o => o[0]), ys = joints.map(o => o[1]), [l, r] = [Math.min(...xs), Math.max(...xs)], [t, b] = [Math.min(...ys), Math.max(...ys)], side = ROOM*Math.max(r-l, b-t)
  return [(l+r-side)/2, (t+b-side)/2, side]
}

// MediaPipe writes its notes of progress as errors and warnings: these lines are left out, others are shown
const NOTES = /^([IW]\d{4} |INFO: |Graph successfully)/
for (const k of ["error", "warn", "log", "info"]) {
  const tell = console[k].bind(console)
  console[k] = (...o) => { if (!(typeof o[0]==="string" && NOTES.test(o[0]))) tell(...o) }
}

export class Finder {
  // Raises an Error in plain words where the runtime or the detector's file cannot be had
  static async load(about, tell=() => {}) {
    const at = new URL(about.vision, document.baseURI)
    const [vision, model] = await Promise.all([import(new URL("vision_bundle.mjs", at)), bytes(about.hand_model, tell)])
    const wasm = at.pathname.includes("/npm/") ? "wasm/" : "", files = {wasmLoaderPath: new URL(`${wasm}vision_wasm_internal.js`, at).href, wasmBinaryPath: new URL(`${wasm}vision_wasm_internal.wasm`, at).href}
    return Object.assign(new Finder(), {vision, files, model, made: {}, pad: canvas(1, 1)})
  }
  // A detector for stills at a certainty, or for the frames of a camera
  detector(mode, certainty, hands) {
    const key = `${mode} ${certainty} ${hands}`
    this.made[key] ??= this.vision.HandLandmarker.createFromOptions(this.files, {
      baseOptions: {modelAssetBuffer: this.model, delegate: "CPU"}, runningMode: mode, numHands: hands,
      minHandDetectionConfidence: certainty, minHandPresenceConfidence: certainty, minTrackingConfidence: .5})
    return this.made[key]
  }
  // The larger hand of a still, or null
  async still(source, w, h) {
    for (const [border, certainty] of TRIES) {
      const d = await this.detector("IMAGE", certainty, 2), [square, left, top] = this.bordered(source, w, h, border)
      const hands = as_hands(d.detect(square), square.width, left, top, certainty)
      if (hands.length) return hands.sort((a, b) => hand_square(b.joints)[2]-hand_square(a.joints)[2])[0]
    }
    return null
  }
  // The hand in a frame of a camera, or null; t in milliseconds, growing
  async frame(source, w, h, t) {
    const d = await this.detector("VIDEO", .5, 1), [square, left, top] = this.bordered(source, w, h, 0)
    return as_hands(d.detectForVideo(square, t), square.width, left, top, .5)[0] || null
  }
  // A square picture with its edges repeated, and where the old one begins
  bordered(source, w, h, border) {
    const side = Math.round(Math.max(w, h)*(1+2*border)), top = Math.floor((side-h)/2), left = Math.floor((side-w)/2), c = this.pad
    if (c.canvas.width!==side || c.canvas.height!==side) Object.assign(c.canvas, {width: side, height: side})
    c.imageSmoothingEnabled = false
    c.drawImage(source, left, top, w, h)
    const right = side-left-w, low = side-top-h
    if (left) c.drawImage(c.canvas, left, top, 1, h, 0, top, left, h)
    if (right) c.drawImage(c.canvas, left+w-1, top, 1, h, left+w, top, right, h)
    if (top) c.drawImage(c.canvas, 0, top, side, 1, 0, 0, side, top)
    if (low) c.drawImage(c.canvas, 0, top+h-1, side, 1, 0, top+h, side, low)
    return [c.canvas, left, top]
  }
}

function as_hands(seen, side, left, top, certainty) {
  return seen.landmarks.map((points, i) => ({
    joints: points.map(o => [o.x*side-left, o.y*side-top, o.z*side]), certainty, others: seen.landmarks.length-1,
    handed: (seen.handedness[i][0].categoryName==="Right" ? 1 : -1)*seen.handedness[i][0].score}))
}

function canvas(w, h) { return Object.assign(document.createElement("canvas"), {width: w, height: h}).getContext("2d", {willReadFrequently: true}) }

async function bytes(url, tell) {
  const res = await got(url), total = +res.headers.get("content-length"), parts = []
  if (!res.body || !total) return new Uint8Array(await res.arrayBuffer())
  let n = 0
  for (const reader = res.body.getReader();;) {
    const {done, value} = await reader.read()
    if (done) break
    parts.push(value); n += value.length; tell(n/total)
  }
  const all = new Uint8Array(n); n = 0
  for (const o of parts) { all.set(o, n); n += o.length }
  return all
}

// Reads joints and the square around them; the twin of asl_course.joints.HandReader
export class HandReader {
  static async load(reader) {
    const model = new Uint8Array(await (await got("squares.onnx")).arrayBuffer())
    return Object.assign(new HandReader(), {ort: reader.ort, about: reader.about.squares, letters: reader.about.letters, session: await reader.ort.InferenceSession.create(model, {executionProviders: ["wasm"]})})
  }
  // Probabilities of hands and, where the file gives them, features; joints [[x, y, ...]], handed and squares (64*64 bytes each), one after the other
  async look(joints, handed, squares) {
    const n = joints.length, t = this.ort.Tensor
    const xy = Float32Array.from(joints.flat().flatMap(o => [o[0], o[1]]))
    return this.session.run({joints: new t("float32", xy, [n, 21, 2]), handed: new t("float32", Float32Array.from(handed), [n]), squares: new t("uint8", squares, [n, SQUARE, SQUARE])})
  }
}

// What the model sees of a hand: 64x64 grey levels. `levels` are those of the part of the picture that begins at (x0, y0)
export function hand_picture(levels, w, h, hand, x0=0, y0=0) {
  const [l, t, s] = hand_square(hand.joints)
  return shrink(levels, w, h, [l-x0, t-y0, s], SQUARE)
}

// The part of a picture that a square needs: [x0, y0, width, height]
export function needed([l, t, s], w, h, size=SQUARE) {
  const reach = 2*Math.max(s/size, 1)+1, x0 = Math.max(0, Math.floor(Math.min(l-reach, w-1))), y0 = Math.max(0, Math.floor(Math.min(t-reach, h-1)))
  return [x0, y0, Math.max(1, Math.min(w, Math.ceil(l+s+reach))-x0), Math.max(1, Math.min(h, Math.ceil(t+s+reach))-y0)]
}
export {grey, SQUARE}
