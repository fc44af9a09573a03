// What pages need beside their renderer's own script: regions that scroll can be reached with the keyboard, and a printed page shows its folded answers.
const scrollable = () => document.querySelectorAll("pre, .cell-output, .cell-output-display, main .table-responsive, .sd-table").forEach(o => {
  if (o.scrollWidth>o.clientWidth+1 && getComputedStyle(o).overflowX!=="visible") o.tabIndex = 0
  else if (o.tabIndex===0 && o.hasAttribute("tabindex")) o.removeAttribute("tabindex")
})
scrollable()
addEventListener("resize", scrollable)
addEventListener("load", scrollable)
document.querySelectorAll("i.bi[role=img]").forEach(o => { o.removeAttribute("role"); o.setAttribute("aria-hidden", "true") })
addEventListener("beforeprint", () => document.querySelectorAll("details:not([open])").forEach(o => { o.open = true; o.dataset.folded = "1" }))
addEventListener("afterprint", () => document.querySelectorAll("details[data-folded]").forEach(o => { o.open = false }))
