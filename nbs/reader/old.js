// Said by a script that even an old browser runs: what is missing, in plain words. The page's modules take the message away
(function () {
  function say() {
    var why = !("noModule" in document.createElement("script")) ? "This browser is too old for the page: it knows no modules. Any browser of the last three years reads letters here."
      : typeof WebAssembly === "undefined" ? "This browser runs no WebAssembly, which does the reading here. It is switched off in Lockdown Mode and by some schools and companies: allow it for this page, or use another browser."
      : typeof createImageBitmap === "undefined" || typeof ReadableStream === "undefined" ? "This browser is too old for the page. Any browser of the last three years reads letters here." : ""
    window.tooOld = why
    if (why) { var m = document.getElementById("message"); m.textContent = why; m.className = "message bad" }
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", say)
  else say()
})()
