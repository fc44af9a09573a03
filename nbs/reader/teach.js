// What was taught of one hand, and the parts of the page that teach and practise. `Mine` is the twin of asl_course.joints.TaughtHand
const FORMAT = 1, PLACE = "asl_course hand"
const $ = id => document.getElementById(id)
const KNUCKLES_AND_WRIST = [0, 5, 9, 13, 17]

// Joints [[x, y, ...]] of a right hand without place and size, 42 numbers; a left one is mirrored
export function standard(joints, handed) {
  const side = handed<0 ? -1 : 1, at = joints.map(([x, y]) => [side*x, y]), mean = k => KNUCKLES_AND_WRIST.reduce((a, i) => a+at[i][k], 0)/KNUCKLES_AND_WRIST.length, [mx, my] = [mean(0), mean(1)]
  const size = Math.max(Math.sqrt(at.reduce((a, [x, y]) => a+(x-mx)**2+(y-my)**2, 0)/at.length), 1e-6)
  return at.flatMap(([x, y]) => [(x-mx)/size, (y-my)/size])
}

export class Mine {
  constructor(letters, about) { this.letters = letters; this.about = about; this.taught = {}; this.left = 0 }
  get count() { return Object.values(this.taught).reduce((a, o) => a+o.length, 0) }
  add(letter, view) {
    (this.taught[letter] ??= []).push({joints: standard(view.joints, view.handed), handed: view.handed, features: view.features, probs: view.probs})
  }
  clear(letter) { delete this.taught[letter] }
  // How near a view lies to what was taught of each letter: squared distances, Infinity where nothing was
  distances(view, without=null) {
    const by_features = view.features && Object.values(this.taught).flat().every(o => o.features?.length===view.features.length)
    const key = by_features ? "features" : "joints", mine = by_features ? unit(view.features) : view.joints.length===42 ? view.joints : standard(view.joints, view.handed)
    const far = this.about[by_features ? "far_features" : "far_joints"]
    return [...this.letters].map(l => {
      const views = (this.taught[l] || []).filter(o => o!==without)
      return Math.min(Infinity, ...views.map(o => apart(mine, by_features ? unit(o.features) : o[key])))*Math.min(Math.max(1, views.length), 3)/far
    })
  }
  // Probabilities, changed by what was taught
  read(probs, view, without=null) {
    const far = this.distances(view, without), known = far.filter(Number.isFinite)
    if (!known.length) return probs
    const near = Math.max(1, Math.min(...known)), logs = probs.map((p, i) => Math.log(Math.max(p, 1e-6))-(Number.isFinite(far[i]) ? far[i] : near)), top = Math.max(...logs), e = logs.map(o => Math.exp(o-top)), sum = e.reduce((a, b) => a+b, 0)
    return e.map(o => o/sum)
  }
  // The letter that a view lies nearest to, where that is another one and clearly nearer; null else
  nearer(letter, view) {
    const far = this.distances(view), own = far[this.letters.indexOf(letter)], k = far.indexOf(Math.min(...far))
    if (!Number.isFinite(far[k]) || this.letters[k]===letter) return null
    return far[k]<.5 && (!Number.isFinite(own) || far[k]<.5*own) ? this.letters[k] : null
  }
  // Of the pictures that were taught: how many are read when each is left out, without and with what was taught
  judge() {
    let n = 0, before = 0, after = 0
    for (const [l, views] of Object.entries(this.taught)) for (const o of views) {
      if (!o.probs) continue
      const k = this.letters.indexOf(l), p = this.read(o.probs, o, o)
      n++; before += best(o.probs)===k; after += best(p)===k
    }
    return {n, before, after}
  }
  text() { return JSON.stringify({format: FORMAT, what: PLACE, reader: this.about.reader, letters: this.letters, taught: this.taught}) }
  // Throws an Error in plain words where the text is not what was saved
  static from(text, letters, about) {
    let o
    try { o = JSON.parse(text) } catch { throw Error("the file is damaged, or no file of this page") }
    if (o?.what!==PLACE || typeof o.taught!=="object" || o.taught===null) throw Error("the file was not made by “Save to a file” on this page")
    if (o.format>FORMAT) throw Error(`the file has format ${o.format}, this page reads up to ${FORMAT}: use a newer page`)
    const res = new Mine(letters, about), old = o.reader!==about.reader
    for (const [l, views] of Object.entries(o.taught)) {
      if (!letters.includes(l) || !Array.isArray(views)) throw Error(`the file teaches ${JSON.stringify(l)}: expected the letters ${letters}`)
      for (const v of views) {
        if (!numbers(v.joints, 42)) throw Error(`the file's joints of ${l} are not 42 numbers`)
        ;(res.taught[l] ??= []).push({joints: v.joints, handed: +v.handed || 1, ...(old ? {} : {features: numbers(v.features) ? v.features : undefined, probs: numbers(v.probs, letters.length) ? v.probs : undefined})})
      }
    }
    res.old = old
    return res
  }
}
const numbers = (o, n) => Array.isArray(o) && o.length>0 && (n===undefined || o.length===n) && o.every(v => typeof v==="number" && Number.isFinite(v))
const best = p => p.indexOf(Math.max(...p))
const unit = v => { const n = Math.max(Math.sqrt(v.reduce((a, b) => a+b*b, 0)), 1e-6); return v.map(o => o/n) }
const apart = (a, b) => a.reduce((s, v, i) => s+(v-b[i])**2, 0)/a.length

// Is a hand still? Joints of the last half second, relative to the hand's size
class Still {
  constructor(seconds=.5, most=.06) { Object.assign(this, {seconds, most, past: []}) }
  see(joints, t) {
    this.past.push([joints, t])
    while (this.past.length>2 && t-this.past[1][1]>=this.seconds) this.past.shift() // one that is old enough stays
    const [first, since] = this.past[0], xs = joints.map(o => o[0]), ys = joints.map(o => o[1]), size = Math.max(Math.max(...xs)-Math.min(...xs), Math.max(...ys)-Math.min(...ys))
    const moved = Math.max(...this.past.map(([o]) => Math.max(...o.map(([x, y], i) => Math.hypot(x-joints[i][0], y-joints[i][1])))))/size
    return t-since>=this.seconds && moved<this.most
  }
  reset() { this.past = [] }
}

const PICTURES = 3, PAUSE = .35
// The hand of a letter as it is drawn, for whoever learns
function picture(img, caption, letter) {
  img.src = `photos/${letter}.png`; img.alt = `A drawn hand: the letter ${letter}`
  caption.textContent = `${letter}, as it is drawn here`
}

export class Teaching {
  constructor(start, changed, forgotten) {
    Object.assign(this, {start, changed, forgotten, running: false, letter: null, still: new Still(), taken: 0, last: 0, asked: null, kept: true})
    this.mine = new Mine("", {})
    $("teach").addEventListener("click", () => this.running ? this.stop() : this.begin_lesson())
    $("skip").addEventListener("click", () => this.next())
    $("redo").addEventListener("click", () => { this.mine.clear(this.letter); this.keep(); this.turn_to(this.letter) })
    $("keep").addEventListener("click", () => this.answer(true))
    $("drop").addEventListener("click", () => this.answer(false))
    $("export").addEventListener("click", () => this.save())
    $("import").addEventListener("change", e => { const f = e.target.files[0]; e.target.value = ""; if (f) this.open(f) })
    $("forget").addEventListener("click", () => this.forget())
    try { if (localStorage.getItem(PLACE)) { $("taught").textContent = "What you taught is kept in this browser; it is read with the first picture."; $("forget").hidden = false } } catch { /* nothing is kept */ }
  }
  // The letters that can be taught are known when the models are
  begin(about, hands) {
    if (this.mine.letters) return
    this.about = about.mine
    this.mine = new Mine(about.letters, this.about)
    try {
      const kept = localStorage.getItem(PLACE)
      if (kept) this.mine = Mine.from(kept, about.letters, this.about)
      if (this.mine.old) this.trouble = "The reader has changed since you taught it: your joints are used, not what the old reader saw. Teaching it again makes it better."
    } catch (e) { this.trouble = `What was kept could not be read (${e.message}).` }
    $("letters").replaceChildren(...[...about.letters].map(l => {
      const b = Object.assign(document.createElement("button"), {type: "button", className: "quiet", id: `teach-${l}`})
      b.addEventListener("click", async () => { if (this.running || await this.start()) this.only(l) })
      return b
    }))
    this.show()
  }
  show() {
    const m = this.mine, j = m.judge(), n = m.count
    for (const l of m.letters) {
      const k = m.taught[l]?.length || 0
      $(`teach-${l}`).textContent = k ? `${l} ${k}` : l; $(`teach-${l}`).classList.toggle("done", k>0)
      $(`teach-${l}`).setAttribute("aria-label", `Teach ${l}: ${k} ${k===1 ? "picture" : "pictures"}`)
    }
    const read = j.n ? ` Each left out in turn, the page reads ${j.after} of these ${j.n}, and ${j.before} without what you taught it. (They are pictures of the same minute: another day is another matter.)` : ""
    $("taught").textContent = (this.trouble ? this.trouble+" " : "")+(n ? `${n} ${n===1 ? "picture" : "pictures"} of ${Object.keys(m.taught).length===1 ? "1 letter" : `${Object.keys(m.taught).length} letters`} ${n===1 ? "is" : "are"} taught.${read}` : "Nothing is taught yet. The page shows a letter, you hold it, it takes three pictures when your hand is still, and goes on: 24 letters in about two minutes.")
    $("export").hidden = $("forget").hidden = !n
    $("teach").textContent = this.running ? "Stop" : n ? "Go on" : "Start"
    $("lesson").hidden = $("skip").hidden = $("redo").hidden = !this.running
  }
  async begin_lesson() {
    if (!await this.start()) return
    this.running = true; this.single = false
    this.next(true)
    if (!this.running) this.all_taught()
  }
  all_taught() { $("taught").textContent += " All letters are taught: choose one below to take it again." }
  only(letter) { this.running = true; this.single = true; this.mine.clear(letter); this.turn_to(letter) }
  next(first=false) {
    const all = [...this.mine.letters], from = first ? 0 : all.indexOf(this.letter)+1
    const l = this.single ? undefined : all.slice(from).find(o => (this.mine.taught[o]?.length || 0)<PICTURES)
    if (l) this.turn_to(l); else { this.stop(); $("lesson-said").textContent = "" }
  }
  turn_to(letter) {
    Object.assign(this, {letter, asked: null, kept: false, gone: false, last: performance.now()/1000}); this.still.reset()
    picture($("model"), $("model-text"), letter)
    $("target").textContent = letter; this.tell(`Hold ${letter}.`)
    $("keep").hidden = $("drop").hidden = true
    this.show(); this.changed()
  }
  tell(text) { if ($("lesson-said").textContent!==text) $("lesson-said").textContent = text; $("taken").value = this.mine.taught[this.letter]?.length || 0 }
  // A view of the camera, or null where no hand is seen; t in seconds
  see(said, t) {
    if (this.asked) return
    if (!said) { this.still.reset(); this.tell(`No hand is seen. Hold ${this.letter}.`); return }
    if (!this.still.see(said.hand.joints, t) || t-this.last<(this.kept ? PAUSE : 1.2)) return
    const view = {...said.view, probs: said.before}, other = this.mine.nearer(this.letter, {...view, joints: standard(view.joints, view.handed)})
    this.still.reset(); this.last = t
    if (other && !this.kept) {
      this.asked = view
      this.tell(`This lies nearer to what you taught as ${other}. Is it your ${this.letter}?`)
      $("keep").hidden = $("drop").hidden = false
      return
    }
    this.take(view)
  }
  answer(yes) {
    const view = this.asked; this.asked = null
    $("keep").hidden = $("drop").hidden = true
    if (yes) this.take(view); else { this.last = performance.now()/1000; this.tell(`Hold ${this.letter}.`) }
  }
  take(view) {
    this.mine.add(this.letter, view); this.kept = true; this.keep()
    const n = this.mine.taught[this.letter].length
    this.tell(n<PICTURES ? `${this.letter}: ${n} of ${PICTURES}. Move a little, hold still.` : `${this.letter} is taught.`)
    this.show()
    if (n<PICTURES) return
    this.asked = view // nothing more is taken until the next letter is shown
    const letter = this.letter
    setTimeout(() => { if (this.running && this.letter===letter) this.next() }, 900)
  }
  stop() { if (!this.running) return; this.running = false; this.asked = null; this.show(); this.changed() }
  keep() {
    try { if (this.mine.count) localStorage.setItem(PLACE, this.mine.text()); else localStorage.removeItem(PLACE); this.trouble = "" }
    catch { this.trouble = "This browser does not keep it: save it to a file." }
  }
  save() {
    const a = Object.assign(document.createElement("a"), {href: URL.createObjectURL(new Blob([this.mine.text()], {type: "application/json"})), download: "my_hand.json"})
    a.click(); setTimeout(() => URL.revokeObjectURL(a.href), 1000)
  }
  async open(file) {
    try {
      if (!this.about) { const about = await (await fetch("about.json")).json(); this.begin(about) }
      this.mine = Mine.from(await file.text(), this.mine.letters, this.about)
      this.keep()
      if (this.mine.old) this.trouble = "The file was made with another version of the reader: its joints are used, not what that reader saw."
    } catch (e) { this.trouble = `Not opened: ${e.message}.` }
    this.show(); this.changed()
  }
  forget() {
    this.stop(); this.mine.taught = {}; this.trouble = ""
    try { localStorage.removeItem(PLACE); localStorage.removeItem(TABLE) } catch { /* nothing was kept */ }
    this.forgotten()
    this.show(); this.changed()
  }
}

const TABLE = "asl_course practice", HOLD = .5
export class Practice {
  constructor(start, other) {
    Object.assign(this, {start, other, running: false, word: "", at: 0, since: 0, held: 0, past: {}})
    try { this.past = JSON.parse(localStorage.getItem(TABLE)) || {} } catch { /* begin anew */ }
    $("go").addEventListener("click", () => this.running ? this.pause() : this.begin($("aim").value))
    $("weak").addEventListener("click", () => this.begin(this.weakest().join("")))
    $("pass").addEventListener("click", () => this.pass())
    this.table()
  }
  async begin(text) {
    const word = [...text.toUpperCase()].filter(o => /[A-Z]/.test(o)).join("")
    if (!word) { $("practice").hidden = false; $("aim-said").textContent = "Write a word of the letters A to Z first."; return }
    if (!await this.start()) return
    this.other()
    Object.assign(this, {word, at: 0, running: true})
    this.turn()
  }
  turn() {
    const l = this.word[this.at]
    $("go").textContent = this.running ? "Stop" : "Start"; $("practice").hidden = !this.running
    $("aim-letters").replaceChildren(...[...this.word].map((o, i) => Object.assign(document.createElement("span"), {textContent: o, className: i<this.at ? "done" : i===this.at ? "now" : ""})))
    if (!this.running) return
    Object.assign(this, {since: performance.now()/1000, held: 0, open: this.word[this.at-1]!==l})
    const moving = "JZ".includes(l)
    $("aim-model").hidden = moving
    if (!moving) picture($("aim-model"), $("aim-text"), l); else $("aim-text").textContent = ""
    $("aim-said").textContent = moving ? `${l} is drawn in the air: the page cannot read a movement. Sign it, and go on with the button or the arrow key.` : this.open ? `Sign ${l}.` : `Another ${l}: open your hand first.`
  }
  see(said, t) {
    const l = this.word[this.at]
    if ("JZ".includes(l)) return
    if (!this.open) { if (!said || said.letter!==l) { this.open = true; $("aim-said").textContent = `Sign ${l}.` } return }
    if (said?.sure && said.letter===l) { this.held ||= t } else { this.held = 0; return }
    if (t-this.held<HOLD) return
    this.count(l, t-this.since, false); this.go_on()
  }
  pass() { if (!this.running) return; const l = this.word[this.at]; if (!"JZ".includes(l)) this.count(l, 0, true); this.go_on() }
  go_on() {
    this.at++
    if (this.at<this.word.length) { this.turn(); return }
    this.running = false; this.turn()
    $("practice").hidden = false; $("aim-model").hidden = true; $("aim-text").textContent = ""; $("aim-said").textContent = `${this.word}: done.`
  }
  pause() { if (!this.running) return; this.running = false; this.turn() }
  count(letter, seconds, skipped) {
    const o = this.past[letter] ??= {seen: 0, skipped: 0, seconds: 0}
    o.seen++; if (skipped) o.skipped++; else o.seconds += seconds
    try { localStorage.setItem(TABLE, JSON.stringify(this.past)) } catch { /* not kept */ }
    this.table()
  }
  forget() { this.past = {}; this.table() }
  weakest() { const mean = o => o.seen>o.skipped ? o.seconds/(o.seen-o.skipped) : 0; return Object.entries(this.past).sort(([, a], [, b]) => b.skipped/b.seen-a.skipped/a.seen || mean(b)-mean(a)).slice(0, 6).map(([l]) => l) }
  table() {
    const worst = this.weakest()
    $("missed").hidden = $("weak").hidden = !worst.length
    $("missed").querySelector("tbody").replaceChildren(...worst.map(l => {
      const o = this.past[l], tr = document.createElement("tr"), read = o.seen-o.skipped
      tr.append(...[l, o.seen, o.skipped, read ? (o.seconds/read).toFixed(1) : "–"].map((v, i) => Object.assign(document.createElement(i ? "td" : "th"), {textContent: v, ...(i ? {} : {scope: "row"})})))
      return tr
    }))
  }
}
