// What pages need beside their renderer's own script: regions that scroll can be reached with the keyboard, and a printed page shows its folded answers.

// Whatever scrolls, in either direction, whenever it begins to: fonts and pictures come late, windows and letters change their size, formulas are set by a script.
const scrolls = o => {
  const s = getComputedStyle(o)
  return o.scrollWidth>o.clientWidth && /auto|scroll/.test(s.overflowX) || o.scrollHeight>o.clientHeight && /auto|scroll/.test(s.overflowY)
}
const mark = () => document.querySelectorAll("main *").forEach(o => {
  const now = scrolls(o)
  if (now && !o.hasAttribute("tabindex")) { o.tabIndex = 0; o.dataset.scrolls = "1" }
  else if (!now && o.dataset.scrolls) { o.removeAttribute("tabindex"); delete o.dataset.scrolls }
  if (now && !sizes.has(o)) { sizes.add(o); watch.observe(o) }
})
const sizes = new WeakSet()
let asked = 0
const soon = () => { asked ||= requestAnimationFrame(() => { asked = 0; mark() }) }
const watch = new ResizeObserver(soon)
document.querySelectorAll("main, main :is(pre, code, table, .math, .cell-output, .cell-output-display, .table-responsive, details, img, figure)").forEach(o => watch.observe(o))
new MutationObserver(soon).observe(document.querySelector("main") || document.body, {childList: true, subtree: true})
document.fonts.addEventListener("loadingdone", soon)
document.fonts.ready.then(soon)
addEventListener("resize", soon)
addEventListener("load", soon)
mark()

document.querySelectorAll("i.bi[role=img]").forEach(o => { o.removeAttribute("role"); o.setAttribute("aria-hidden", "true") })
addEventListener("beforeprint", () => document.querySelectorAll("details:not([open])").forEach(o => { o.open = true; o.dataset.folded = "1" }))
addEventListener("afterprint", () => document.querySelectorAll("details[data-folded]").forEach(o => { o.open = false }))
