"""Build the docs site into _docs and README.md from nbs/index.ipynb.

With Quarto on the PATH it renders; without, smalldocs renders the same project. Options: --readme writes README.md and the model card only."""
import ast, base64, json, os, re, shutil, subprocess, sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
npm = root/".ci"/"node_modules"
RUNTIME = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"
VISION = "vision_bundle.mjs", "wasm/vision_wasm_internal.js", "wasm/vision_wasm_internal.wasm"
EXAMPLES = "LVYCGKOX" # letters of nbs/photos in which a hand is found

SITE = "https://asl-course.github.io/asl_course"
PLAIN = "index", "library", "teaching" # pages for reading: their cell of parameters is for tests
KATEX = re.compile(r"https://cdn\.jsdelivr\.net/npm/katex@[^/]+/dist/")
SET_UP = '#| code-fold: true\n#| code-summary: "Set-up"\n'
SHOWN = '#| code-fold: show\n#| code-summary: "Exported source"\n'

def plain_definitions(cells):
    """Where a page shows a definition as code (`#| exports`), the code is its documentation: keep the anchor and the source link that nbdev's
    signature block has, and drop the block, which would say the same twice."""
    src = lambda c: "".join(c["source"])
    doc = lambda c: m[1] if c["cell_type"]=="code" and (m := re.search(r"^show_doc\((\w+)", src(c), re.M)) else None
    res, i = [], 0
    while i<len(cells):
        j = i
        while j<len(cells) and doc(cells[j]): j += 1
        if j==len(cells) or not src(cells[j]).startswith(SHOWN): res += cells[i:j+1]; i = j+1; continue
        code, docs = cells[j], cells[i:j]
        names = {n.name for n in ast.parse(re.sub(r"^#\|.*$", "", src(code), flags=re.M)).body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
        i = j+1
        while i<len(cells) and doc(cells[i]) in names: docs.append(cells[i]); i += 1
        res += [c for c in docs if doc(c) not in names]
        links = {doc(c): re.search(r"\[source\]\(([^)]+)\)", json.dumps(c["outputs"])) for c in docs if doc(c) in names}
        anchors = " · ".join(f'<a id="{n}"'+(f' href="{m[1]}">' if m else ">")+f"<code>{n}</code></a>" for n, m in links.items())
        if links: res.append(dict(cell_type="markdown", id=code["id"][::-1], metadata={}, source=f'<div class="definition">source: {anchors}</div>'))
        res.append({**code, "source": src(code).removeprefix(SHOWN)})
    return res

def folded(cells):
    """Set-up (imports, the banner's line, parameters) is folded on the site, and so is whatever a page asks to fold: nbdev, which shows
    a definition that is exported and shown, adds a fold of its own, and the page's wins"""
    from asl_course.pages import is_set_up
    res = []
    for c in cells:
        text = "".join(c["source"])
        if c["cell_type"]=="code" and "#| code-fold: true" in text: c["source"] = text.replace(SHOWN, "", 1)
        elif c["cell_type"]=="code" and ("parameters" in c["metadata"].get("tags", []) or is_set_up(text)):
            before = "".join(res[-1]["source"]) if res else ""
            if before.startswith(SET_UP) and not res[-1]["outputs"]: text = before.removeprefix(SET_UP).rstrip()+"\n"+text; res.pop()
            c["source"] = SET_UP+text
        res.append(c)
    return res

def stage():
    "The notebooks as they are published, in _proc"
    from nbdev.quarto import refresh_quarto_yml
    from nbdev.serve import proc_nbs
    from asl_course.pages import contents, sidebar_yaml
    pages = contents(root/"nbs")
    (root/"nbs"/"sidebar.yml").write_text(sidebar_yaml(pages), encoding="utf-8")
    shutil.rmtree(root/"_proc", ignore_errors=True)
    refresh_quarto_yml()
    try: proc_nbs(force=True)
    except Exception as e: sys.exit(f"The site was not built. {e}")
    shutil.copy(root/"_quarto.yml", root/"_proc"/"_quarto.yml") # also where git has no symbolic links
    by_module = {p.path.stem.split("_", 1)[-1]: p.place for p in pages if p.part!="Solutions"}
    for p in (root/"_proc").rglob("*.ipynb"):
        up = "../"*(len(p.relative_to(root/"_proc").parts)-1)
        local = lambda m: f"({up}{by_module[m[1]]}#{m[2]})" if m[1] in by_module else m[0] # nbdev links names to the published site, by module: here they lead to the page that lies beside
        text = re.sub(r'"output-file: [^"]*",?', "", p.read_text(encoding="utf-8"))
        nb = json.loads(re.sub(re.escape(f"({SITE}/")+r"(?:tutorials/)?(\w+)\.html#([\w.]+)\)", local, text))
        for c in nb["cells"]: # signatures are code: what nbdev has linked in their comments is plain there
            for o in c.get("outputs", []):
                if "text/markdown" in (d := o.get("data", {})): d["text/markdown"] = re.sub(r"```python\n.*?```", lambda m: re.sub(r"\[`([^`]+)`\]\([^)]+\)", r"\1", m[0]), "".join(d["text/markdown"]), flags=re.S)
        dropped = ["remove-cell"]+["parameters"]*(p.stem in PLAIN)
        nb["cells"] = folded(nb["cells"])
        nb["cells"] = plain_definitions([c for c in nb["cells"] if not set(dropped)&set(c["metadata"].get("tags", []))])
        p.write_text(json.dumps(nb), encoding="utf-8")

def readme(staged):
    "README.md and its pictures from the staged index"
    import nbformat, yaml
    from nbconvert import MarkdownExporter
    nb = nbformat.read(staged, 4)
    nb.metadata.language_info = {"name": "python"}
    head = yaml.safe_load(nb.cells[0].source.strip().strip("-"))
    nb.cells = [c for c in nb.cells if c.cell_type!="raw" and "AUTOGENERATED" not in c.source]
    pictures = {}
    for c in nb["cells"]:
        if c.cell_type!="code": continue
        src = c.source
        alt = re.search(r'^#\| fig-alt: "?(.*?)"?$', src, re.M)
        if "#| echo: false" in src: src = ""
        c["source"] = re.sub(r"^#\|.*\n?", "", src, flags=re.M)
        keep = []
        for o in c["outputs"]:
            data = o.get("data", {})
            if "image/png" in data:
                name = f"index-{len(pictures)+1}.png"
                pictures[name] = base64.b64decode(data["image/png"])
                o = nbformat.v4.new_output("display_data", {"text/markdown": f"![{alt[1] if alt else name}](nbs/images/{name})"})
            elif "text/html" in data: data.pop("text/html")
            keep.append(o)
        c["outputs"] = keep
    body, _ = MarkdownExporter(exclude_input_prompt=True).from_notebook_node(nb)
    body = re.sub(r"^```python\s*```\n", "", body, flags=re.M)
    body = re.sub(r"\]\(([\w/]+\.ipynb)", r"](nbs/\1", body)
    body = re.sub(r"\n{3,}", "\n\n", body).strip()
    return "<!-- Made from nbs/index.ipynb by `make docs`; edit that. -->\n\n"+f"# {head['title']}\n\n> {head['description']}\n\n"+body+"\n", pictures

def icon():
    "The site's icon, a PNG file of 64 pixels: the letter A, rendered"
    import io
    from PIL import Image
    from asl_course.synth import render_hands
    file = io.BytesIO()
    Image.fromarray((render_hands("A", 64)[0]*255).byte().numpy()).save(file, "PNG", optimize=True)
    return file.getvalue()

def packages():
    "Fetch what the site takes from npm, once; says when that cannot be done"
    if os.environ.get("ASL_OFFLINE"): return
    want = json.loads((root/".ci"/"package.json").read_text())["dependencies"]
    have = {o: json.loads(p.read_text())["version"] for o in want if (p := npm/o/"package.json").exists()}
    if have==want or not (exe := shutil.which("npm")): return
    res = subprocess.run([exe, "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"], cwd=npm.parent, capture_output=True, text=True)
    if res.returncode: print(f"npm could not fetch {', '.join(want)}: {(res.stderr.strip().splitlines() or ['no reason given'])[-1]}")

def reader_page(out):
    "The page that finds and reads hands in the browser: its files, the models and what they say of themselves, pictures to try, and what runs the models"
    from asl_course.joints import FAR, HAND_MODEL, HAND_MODEL_URL, HandReader, find_hand_model, shipped_squares
    from asl_course.predict import Predictor, shipped_file
    shutil.copytree(root/"nbs"/"reader", out, dirs_exist_ok=True) # a renderer may have copied what pages link to
    shutil.copytree(root/"nbs"/"photos", out/"photos", dirs_exist_ok=True)
    shutil.copy(shipped_file(), out/"reader.onnx")
    shutil.copy(shipped_squares(), out/"squares.onnx")
    needs, hosts = json.loads((root/".ci"/"package.json").read_text())["dependencies"], set()
    def package(name, folder, inside, files):
        "Copy files of an npm package; without npm the page takes them from a public copy"
        if (npm/name).exists():
            (out/folder).mkdir(exist_ok=True)
            for o in files: shutil.copy(npm/name/o, out/folder/Path(o).name)
            return f"{folder}/"
        hosts.add("https://cdn.jsdelivr.net")
        return f"https://cdn.jsdelivr.net/npm/{name}@{needs[name]}/{inside}"
    runtime = package("onnxruntime-web", "ort", "dist/", [f"dist/{o}" for o in RUNTIME])
    vision = package("@mediapipe/tasks-vision", "vision", "", VISION)
    model = find_hand_model()
    if model: shutil.copy(model, out/HAND_MODEL)
    page = (out/"index.html").read_text(encoding="utf-8")
    for o in sorted(hosts):
        for k in ("script-src 'self'", "connect-src 'self'"): page = page.replace(k, f"{k} {o}")
        print(f"npm's packages are not here: the reader's page takes what runs it from {o}.")
    if not model:
        host = "/".join(HAND_MODEL_URL.split("/")[:3])
        page = page.replace("connect-src 'self'", f"connect-src 'self' {host}").replace("what reads comes to your browser,", f"what reads comes to your browser (the file that finds hands from {host.split('//')[1]}, when you first ask for it),")
        print(f"{HAND_MODEL} was not found: the reader's page takes it from {host}.")
    (out/"index.html").write_text(page, encoding="utf-8")
    hands = HandReader()
    about = dict(Predictor(plain=True).about.__dict__, runtime=runtime, vision=vision, hand_model=HAND_MODEL if model else HAND_MODEL_URL,
                 squares=dict(threshold=hands.about_squares["threshold"]), mine=dict(far_features=FAR["features"], far_joints=FAR["joints"], reader=hands.version), examples=[f"photos/{o}.png" for o in EXAMPLES])
    (out/"about.json").write_text(json.dumps(about), encoding="utf-8")

def finish(out):
    "What no renderer does: formulas without another host where npm has brought KaTeX, and a link to each page's notebook"
    katex = npm/"katex"/"dist"
    if katex.exists():
        for o in ("katex.min.css", "katex.min.js", "contrib/auto-render.min.js"): (out/"katex"/o).parent.mkdir(parents=True, exist_ok=True); shutil.copy(katex/o, out/"katex"/o)
        shutil.copytree(katex/"fonts", out/"katex"/"fonts", ignore=shutil.ignore_patterns("*.ttf", "*.woff"))
    else: print("KaTeX is not here (npm brings it): pages with formulas take it from https://cdn.jsdelivr.net.")
    shutil.copy(root/"nbs"/"site.js", out/"site.js")
    shutil.copytree(root/"nbs"/"images", out/"images", dirs_exist_ok=True)
    for p in out.rglob("*.css"): # themes ask Google for fonts; those of the system do
        text = p.read_text(encoding="utf-8")
        if "@import url(https://fonts." in text: p.write_text(re.sub(r"@import url\(https://fonts\.[^)]*\);?", "", text), encoding="utf-8")
    for p in sorted((root/"nbs").rglob("*.ipynb")):
        name = p.relative_to(root/"nbs")
        page, up = out/name.with_suffix(".html"), "../"*(len(name.parts)-1)
        if not page.exists(): continue
        (out/"notebooks"/name).parent.mkdir(parents=True, exist_ok=True); shutil.copy(p, out/"notebooks"/name)
        text = page.read_text(encoding="utf-8").replace("Open in Kaggle</a>", f'Open in Kaggle</a> · <a href="{up}notebooks/{name.as_posix()}" download>Download</a>', 1)
        text = re.sub(r'(="(?:og|twitter):image" content=")[^"]*', rf"\1{SITE}/images/index-1.png", text) # the same for pages in folders
        text = text.replace("</body>", f'<script src="{up}site.js"></script></body>', 1)
        page.write_text(KATEX.sub(f"{up}katex/", text) if katex.exists() else text, encoding="utf-8")

def main():
    os.chdir(root)
    (root/"nbs"/"images").mkdir(exist_ok=True)
    (root/"nbs"/"images"/"favicon.png").write_bytes(icon())
    stage()
    text, pictures = readme(root/"_proc"/"index.ipynb")
    from asl_course.card import model_card
    (root/"README.md").write_text(text, encoding="utf-8")
    (root/"asl_course"/"models"/"README.md").write_text(model_card(), encoding="utf-8")
    for name, data in pictures.items(): (root/"nbs"/"images"/name).write_bytes(data)
    if "--readme" in sys.argv: return
    tool = ["quarto", "render", "_proc", "--no-execute", "-M", "html-math-method:katex"] if shutil.which("quarto") else [str(Path(sys.executable).with_name("smalldocs")), "render", "-q", "_proc"]
    packages()
    subprocess.run(tool, check=True)
    reader_page(root/"_proc"/"_docs"/"reader")
    finish(root/"_proc"/"_docs")
    if tool[0]!="quarto": subprocess.run([tool[0], "check", "_proc"], check=True)
    shutil.rmtree(root/"_docs", ignore_errors=True)
    shutil.move(root/"_proc"/"_docs", root/"_docs")
    print(f"The site is in _docs: open _docs/index.html (rendered by {Path(tool[0]).name}).")

if __name__=="__main__": main()
