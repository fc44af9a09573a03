"The repository as a reader finds it: settings, notebooks, saved outputs, style."
import ast, json, re, subprocess
from collections import Counter
from configparser import ConfigParser
import pytest
from conftest import NBS, ROOT, PARAMETERS, load, source, code_cells

cfg = ConfigParser(delimiters=["="]); cfg.read(ROOT/"settings.ini"); cfg = cfg["DEFAULT"]
by_name = pytest.mark.parametrize("nb", NBS, ids=lambda p: p.stem)
CHAPTERS = [p for p in NBS if re.match(r"(0[1-9]|1\d)_", p.stem)]
PAGES = [p for p in NBS if p.parent.name!="solutions"]

def tracked():
    try: out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError): pytest.skip("no git here; CI runs this in a clone")
    return [ROOT/o for o in out.splitlines() if (ROOT/o).is_file()]

# -- settings

def test_the_seven_packages_are_required():
    names = {re.split(r"[<>=!~\[]", o)[0].lower() for o in (cfg["requirements"]+" "+cfg["dev_requirements"]).split()}
    assert {"fastai", "torch", "pandas", "matplotlib", "jupyterlab", "nbdev", "papermill"}<=names

def test_constraints_pin_what_is_required_and_name_no_address():
    lines = (ROOT/"constraints.txt").read_text().split("\n")
    pins = {re.split("==", o)[0].lower().replace("_", "-") for o in lines if o}
    assert all(re.fullmatch(r"[\w.\-]+==[\w.!]+", o) for o in lines if o), "only name==version"
    missing = {re.split(r"[<>=!~\[]", o)[0].lower().replace("_", "-") for o in (cfg["requirements"]+" "+cfg["dev_requirements"]).split()}-pins
    assert not missing, f"not pinned: {missing}"
    assert {"torch", "torchvision", "numpy", "uv"}<=pins

def test_settings_are_the_only_place():
    assert "[project]" not in (ROOT/"pyproject.toml").read_text() and cfg["min_python"]=="3.11"
    assert f'"{cfg["version"]}"' in (ROOT/"asl_course"/"__init__.py").read_text()
    assert cfg["version"] in (ROOT/"CITATION.cff").read_text()

def test_commands_are_installed():
    from importlib.metadata import entry_points
    have = {e.name for e in entry_points(group="console_scripts")}
    assert {o.split("=")[0].strip() for o in cfg["console_scripts"].split()}<=have

def test_layout():
    for o in "settings.ini setup.py pyproject.toml constraints.txt Makefile README.md _quarto.yml nbs asl_course data/README.md data/runs tests .ci/run LICENSE CITATION.cff CONTRIBUTING.md .github/workflows".split():
        assert (ROOT/o).exists(), o
    link = ROOT/"nbs"/"_quarto.yml"
    assert link.is_symlink() and link.resolve()==(ROOT/"_quarto.yml").resolve() or link.read_text().strip()=="../_quarto.yml", "nbs/_quarto.yml links to _quarto.yml"
    for nb in NBS:
        m = re.search(r"default_exp ([\w.]+)", "".join(map(source, load(nb)["cells"])))
        folder, name = nb.parent.name, nb.stem.partition("_")[2]
        if folder=="solutions": want = f"cases.{name}"
        elif folder=="tutorials": want = f"tutorials.{nb.stem}"
        else: want = dict(index="all").get(nb.stem, name or None)
        assert (m and m[1])==want, "a notebook's name is its module's name"

def test_tracked_files_hold_no_data_no_addresses_and_are_small():
    for p in tracked():
        assert not re.search(r"\.(csv|csv\.gz|npz|npy|parquet|zip|pkl|pth|jpe?g)$|ubyte", p.name, re.I), f"{p.name} looks like data"
        assert p.stat().st_size<1_500_000, f"{p.name} is too large"
        if p.suffix in (".py", ".md", ".toml", ".ini", ".txt", ".yml", ".json", ".ipynb", "", ".cff", ".css", ".js", ".mjs", ".html"):
            text = p.read_text(encoding="utf-8")
            assert not re.search(r"--(extra-)?index[-_]url|--find[-_]links", text), f"{p.name} names a package address"

def module_files(): return [p for p in sorted((ROOT/"asl_course").rglob("*.py")) if p.stem not in ("__init__", "_modidx", "all")]
def module_name(p): return ".".join(p.relative_to(ROOT/"asl_course").with_suffix("").parts)

def imports_of(p):
    "Modules of ours that a module imports, inside functions too"
    used, package = set(), p.relative_to(ROOT).parts[:-1]
    known = {module_name(o) for o in module_files()}|{"all"}
    for n in ast.walk(ast.parse(p.read_text())):
        if isinstance(n, ast.Import): used |= {o.name.partition(".")[2] for o in n.names if o.name.startswith("asl_course.")}
        if not isinstance(n, ast.ImportFrom): continue
        home = ".".join([*package[:len(package)+1-n.level], *[n.module]*bool(n.module)]) if n.level else n.module
        if home!="asl_course" and not home.startswith("asl_course."): continue
        inner = home.partition(".")[2]
        used |= {inner} if inner in known else {f"{inner}.{o.name}".lstrip(".") for o in n.names if not o.name.startswith("_")}
    return used-{module_name(p)} # a module may name itself, for a process that looks it up

FLOORS = dict(core="", files="core", records="core files", synth="core files records", measure="core files records", exercises="core files")

def test_no_cycles_nothing_imports_upwards():
    "A chapter imports earlier chapters and the appendix; the foundations import what the design names; programs and the ledger are imported by nobody"
    used = {module_name(p): imports_of(p) for p in module_files()}
    number = {nb.stem.partition("_")[2]: int(nb.stem[:2]) for nb in CHAPTERS}
    for m, us in used.items():
        assert us<={*used, "all"}, f"{m} imports {us-{*used, 'all'}}, which is no module of ours"
        if m in number: assert not (late := [u for u in us if number.get(u, 0)>=number[m]]), f"{m} imports {late}, which come later"
        if m in FLOORS: assert us<={*FLOORS[m].split()}, f"{m} imports {us-{*FLOORS[m].split()}}"
        apart = [u for u in us if u.startswith("cases.") or u.startswith("tutorials.") and not m.startswith("tutorials.") and m not in ("bench", "commands")]
        assert not apart, f"{m} imports a tutorial or cases: {apart}"
        assert m in ("bench", "commands") or not us&{"bench", "commands", "all"}, f"{m} imports a program"
        if m.startswith("cases."): assert us<={"core", "data", "debug", "digits", "train"}, f"{m} imports {us}: cases import nothing of exercises"
    done = set()
    while (ready := {m for m, us in used.items() if us<=done}-done): done |= ready
    assert done=={*used}, f"in a circle: {set(used)-done}"

def test_imports_are_seen():
    "At the top, inside functions, and from a folder"
    of = lambda name: imports_of(ROOT/"asl_course"/name)
    assert "scratch" in of("train.py") and "train" in of("cases/digits.py") and "records" in of("tutorials/claims.py")

def public_functions():
    "(name, function) of everything that modules export, methods that are called included"
    import importlib, inspect
    for p in module_files():
        module = importlib.import_module(f"asl_course.{module_name(p)}")
        for name in module.__all__:
            o = getattr(module, name)
            if inspect.isfunction(o): yield f"{module_name(p)}.{name}", o
            if not inspect.isclass(o) or o.__module__!=module.__name__: continue
            yield f"{module_name(p)}.{name}", o
            methods = {k: f for k, f in vars(o).items() if inspect.isfunction(f)}
            theirs = {k for base in o.__mro__[1:] for k in vars(base)}|{k for k in methods if k.startswith(("before_", "after_"))} # said where they come from
            yield from ((f"{module_name(p)}.{name}.{k}", f) for k, f in methods.items() if k[0]!="_" and k not in theirs)

def lacks(f):
    "What nbdev would show no words for: the object itself, a parameter, or what comes back"
    import inspect
    from fastcore.docments import docments
    if not inspect.getdoc(f): yield "no docstring"
    if inspect.isclass(f): return
    said, stars = docments(f), (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    asked = {k: p for k, p in inspect.signature(f).parameters.items() if k!="self" and p.kind not in stars}
    yield from (f"nothing about {k}" for k, p in asked.items() if not said.get(k) and "Param(" not in str(p.annotation))
    text = inspect.cleandoc("\n"+inspect.getsource(f))
    gives = any(isinstance(o, ast.Return) and o.value is not None for o in ast.walk(ast.parse(text)))
    if gives and asked and not re.search(r"^\s*\).*:\s*#", text, re.M) and not f.__name__.startswith("asl_"): yield "nothing about what it returns"

def test_public_functions_are_documented():
    "As nbdev reads it: each parameter has words of its own"
    poor = [f"{name}: {o}" for name, f in public_functions() for o in lacks(f)]
    assert not poor, "\n".join(poor)

def test_a_parameter_without_words_is_seen():
    def two(a, b, # only the last of these has words
    ): "Two"
    def fine(
        a, # A thing
    ):     # Another
        "One"
        return a
    assert [*lacks(two)]==["nothing about a"] and not [*lacks(fine)]

def test_modules_say_what_is_inside():
    "After its promise a module names what it holds, and shows an example whose imports work"
    import importlib, textwrap
    for p in module_files():
        if p.parent.name=="cases": continue
        module = importlib.import_module(f"asl_course.{module_name(p)}")
        promise, _, inside = module.__doc__.partition("\n\n")
        named = set(re.findall(r"`(\w+)[`(]", inside))
        assert {*module.__all__}&named, f"{module.__name__} names nothing of its own"
        example = textwrap.dedent("\n".join(o for o in inside.splitlines() if o.startswith("    ")))
        tree = ast.parse(example)
        asked = [n for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom))]
        exec(compile(ast.Module(asked, []), module.__name__, "exec"), {})
        assert len(tree.body)>len(asked)>0 and f"asl_course.{module_name(p)}" in example, module.__name__

# -- notebooks

@by_name
def test_notebook_frame(nb):
    d = load(nb)
    assert d["metadata"]["kernelspec"]["name"]=="python3" and set(d["metadata"])=={"kernelspec"}
    assert all(isinstance(c["source"], list) for c in d["cells"]), "sources are lists of lines, as Jupyter writes them, so that changes read well"
    cells = code_cells(d)
    assert "%pip" in source(cells[0]) or ("#| hide" in source(cells[0]) and "pip" in source(cells[0])), "the first cell installs the package when it is missing"
    marked = [c for c in cells if "parameters" in c["metadata"].get("tags", [])]
    assert len(marked)==1 and source(marked[0]).splitlines()==PARAMETERS
    md = "\n".join(source(c) for c in d["cells"] if c["cell_type"]=="markdown")
    assert re.search(r"^# .+\n\n> .+", md, re.M), "title and one-line promise"
    place = nb.relative_to(ROOT).as_posix()
    if nb.stem!="index": assert f"colab.research.google.com/github/asl-course/asl_course/blob/main/{place}" in md and f"kaggle.com/kernels/welcome?src=https://github.com/asl-course/asl_course/blob/main/{place}" in md
    for target in re.findall(r"\]\(([\w/.]+\.ipynb)", md): assert (nb.parent/target).exists(), f"link to {target}"

PATHS = re.compile(r"/(home|root|Users|tmp|private|work|var/folders)/|[A-Z]:\\\\|site-packages")

@by_name
def test_saved_outputs(nb):
    for i, c in enumerate(code_cells(load(nb))):
        text = json.dumps(c["outputs"])
        assert not PATHS.search(text), f"a path of a machine in the output of code cell {i}: {PATHS.search(text)[0]}"
        assert all(o["output_type"]!="error" for o in c["outputs"]) and "Traceback" not in text, f"a traceback in code cell {i}"
        assert c["execution_count"] is None

@by_name
def test_outputs_are_of_a_full_run(nb):
    d = load(nb)
    text = json.dumps([c["outputs"] for c in code_cells(d)])
    assert f"{nb.stem}: full scale, seed 42, on cpu" in text, "refresh it: make refresh CH=NN"
    if "Letters(" in text and nb.stem not in ("index", "00_core", "20_synth", "21_files"): assert "Letters(real: 27,455 train and 7,172 test" in text
    assert nb.stat().st_size<2_000_000

# -- style: the tells of a poor page

def kind(c):
    src = source(c)
    body = "\n".join(o for o in src.splitlines() if not o.startswith(("#|", "%", "!")))
    if re.search(r"^#\| *(export|exporti|default_exp)", src, re.M): return "export", body
    if "parameters" in c["metadata"].get("tags", []) or "run_line_magic" in src: return "frame", body
    try: tree = ast.parse(body).body
    except SyntaxError: return "magic", body
    if tree and all(isinstance(n, (ast.Import, ast.ImportFrom)) for n in tree): return "imports", body
    return "lesson", body

def tells(c):
    "What is wrong with a lesson cell"
    k, body = kind(c)
    src, images = source(c), [o for o in c["outputs"] if "image/png" in o.get("data", {})]
    if "TODO" in src or "FIXME" in src: yield "TODO"
    if images and not re.search(r'^#\| fig-alt: ".{15,}"', src, re.M): yield "a figure without alternative text"
    if images and "title" not in src: yield "a figure without title"
    if k!="lesson": return
    tree = ast.parse(body).body
    lines = [o for o in body.splitlines() if o.strip()]
    if len(lines)>15 and "#| echo: false" not in src: yield f"a lesson cell of {len(lines)} lines"
    if any(isinstance(n, (ast.Import, ast.ImportFrom)) for n in ast.walk(ast.parse(body))): yield "an import in a mixed cell"
    if any(o.strip().startswith("#") for o in lines): yield "a comment that splits the cell into steps"
    if any(isinstance(n, ast.Try) for n in ast.walk(ast.parse(body))): yield "try/except"
    for n in ast.walk(ast.parse(body)):
        if isinstance(n, ast.Call) and getattr(n.func, "id", "")=="print" and n.args and isinstance(n.args[0], (ast.Constant, ast.JoinedStr)): yield "a print of a sentence"
    if tree and isinstance(tree[-1], (ast.Assign, ast.AugAssign)): yield "an assignment as last line"
    if tree and isinstance(tree[-1], ast.Expr) and isinstance(tree[-1].value, ast.Call) and getattr(tree[-1].value.func, "id", "")=="print" and isinstance(tree[-1].value.args[0], ast.Name): yield "print(x) as last line"

@by_name
def test_no_tells(nb):
    found = [f"{t}: {source(c)[:80]!r}" for c in code_cells(load(nb)) for t in tells(c)]
    assert not found, "\n".join(found)

@by_name
def test_no_two_cells_that_differ_in_a_number(nb):
    bodies = [re.sub(r"\d+(\.\d+)?", "N", kind(c)[1]).strip() for c in code_cells(load(nb)) if kind(c)[0]=="lesson"]
    twice = [b for b, n in Counter(bodies).items() if n>1 and len(b)>40]
    assert not twice, twice

FIGURE = re.compile(r"(?<![\w.#/-])(\d[\d,]*(?:\.\d+)?) ?(?:%|percent)|(?<![\w.,#/-])(0?\.\d{2,})(?![\w.])|(?<![\w.])(\d+\.\d+)(?= ?(?:x|times|s|seconds)\b)")
MARKS = {95, 99, 99.9, 100} # the level of intervals, the two marks of the race of chapter 19, and all

def number(text): return float(text.replace(",", ""))

def settings_of(nb):
    "Numbers that stand in a page's code: settings, which its prose may name"
    found = set()
    for c in code_cells(nb):
        try: tree = ast.parse("".join("pass\n" if l.startswith(("!", "%")) else l for l in c["source"]))
        except SyntaxError: continue
        found |= {abs(n.value) for n in ast.walk(tree) if isinstance(n, ast.Constant) and type(n.value) in (int, float)}
    return found

def figures_of(text, known):
    "Figures in prose, in quotes and code too, that are neither known nor a hundredth or a hundredfold of what is"
    for m in FIGURE.finditer(re.sub(r"\$\$?.*?\$\$?|\]\([^)]*\)", "", text, flags=re.S)):
        v = number(next(o for o in m.groups() if o))
        if not {v, round(v/100, 6), round(v*100, 6)}&known: yield m[0]

@by_name
def test_no_result_is_typed_into_prose(nb):
    "A figure in prose is a claim of the ledger, a setting of the page's code, or printed from a record: no word around it excuses another"
    from asl_course.tutorials.claims import CLAIMS
    claimed = {c.claimed for c in CLAIMS}|{number(o) for c in CLAIMS for o in re.findall(r"\d[\d,]*(?:\.\d+)?", c.says)}
    d = load(nb)
    known = settings_of(d)|claimed|MARKS
    found = [(o, source(c)[:60]) for c in d["cells"] if c["cell_type"]=="markdown" for o in figures_of(source(c), known)]
    assert not found, f"{found}: results are printed from records"

def test_a_typed_result_is_seen():
    known = {.985, 95, 99.63}
    for text in ("the claim: we reach 97.3 %", "up to `97.3 %`", "a tutorial says 0.41", "it took 3.4 seconds", '"71 %" of draws'): assert [*figures_of(text, known)], text
    for text in ("a threshold of 98.5 %, or 0.985", "the title's 99.63 %", "the 95 % interval", "in 2 of 3 runs", "see [this](a-71%.html)"): assert not [*figures_of(text, known)], text

@pytest.mark.parametrize("nb", CHAPTERS+[p for p in NBS if p.stem=="claims"], ids=lambda p: p.stem)
def test_chapter_has_its_parts(nb):
    md = "\n".join(source(c) for c in load(nb)["cells"] if c["cell_type"]=="markdown")
    for part in ("You will be able to", "## Check yourself", "## Exercises", "## Further reading"): assert part in md, part

def test_the_tells_are_found():
    "The checks above notice what they are for"
    cell = lambda s, outs=(): dict(cell_type="code", metadata={}, source=s, outputs=list(outs))
    png = [{"data": {"image/png": ""}}]
    for s, want in (("x = 1", "assignment"), ("import os\nos.sep", "mixed"), ("try: f()\nexcept ValueError: pass", "try"), ("print('It works')", "sentence"), ("# first\nx", "comment"), ("x\n"*16, "16 lines"), ("print(x)", "print(x)")):
        assert any(want in t for t in tells(cell(s))), s
    assert {*tells(cell("plot(x)", png))}>={"a figure without alternative text", "a figure without title"} and not [*tells(cell("x.shape"))]

# -- width: a docs page shows some 82 columns

def code_lines(nb):
    "(line, is it of a lesson?) of a page's code"
    for c in code_cells(nb):
        k = kind(c)[0]
        if k=="frame": continue
        yield from ((l, k!="export") for l in source(c).splitlines() if l.strip() and not l.startswith("#|"))

@by_name
def test_lines_fit_the_page(nb):
    long = [l for l, _ in code_lines(load(nb)) if len(l)>120]
    assert not long, f"{len(long)} lines over 120 columns: {long[0][:100]}..."

def test_lesson_lines_seldom_scroll():
    "Scrolling is for the rare line: one in twenty"
    lines = [l for nb in NBS for l, lesson in code_lines(load(nb)) if lesson]
    assert sum(len(l)>88 for l in lines)/len(lines)<.05

# -- pages

NEW = r"(?:(?:new|other|unseen|another|somebody|someone|anybody)\b[^.|]{0,40}\b(?:people|person|hands?|signers?)|generali[sz]\w*|somebody new|someone new)"
NOT = r"\b(?:no|not|nothing|nobody|never|neither|nor|hardly|cannot|less|only|same|misreads?)\b|wrong|\?"

def claims_of_new_people(text):
    "Sentences that speak of the test file and of new people at once, and do not deny"
    for sentence in re.split(r"(?<=[.?!])\s|\n\n|\n\|", text):
        of_test = re.search(r"\btest (?:file|score|accuracy|pictures|rows)\b", sentence)
        if of_test and re.search(NEW, sentence, re.I) and not re.search(NOT, sentence, re.I): yield sentence

@pytest.mark.parametrize("p", NBS, ids=lambda p: p.stem)
def test_the_test_file_is_not_taken_for_new_people(p):
    "All seven people stand in both files: only a record whose split is by person, or pictures from elsewhere, speak of new people"
    from asl_course.pages import all_recipes
    known = all_recipes()
    for c in load(p)["cells"]:
        text = source(c)
        if c["cell_type"]=="markdown":
            assert not (bad := list(claims_of_new_people(text))), bad
            continue
        labels = [n.value for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant) and isinstance(n.value, str)] if "show_record" in text else []
        if not any(re.fullmatch(r"new (?:people|person|hands)|a person left out", o) for o in labels): continue
        shown = [o for o in labels if o in known] or [id for id in known if id.split(".")[0]=="people"]
        assert not (bad := [o for o in shown if known[o].split!="person"]), f"{p.name} calls {bad} new people"

def test_claims_of_new_people_are_found():
    assert list(claims_of_new_people("The test score shows how well other people are read.")) and list(claims_of_new_people("Test accuracy is high. So the test file generalises well."))
    assert not list(claims_of_new_people("The test file says nothing of new people.")) and not list(claims_of_new_people("Photographs set aside tell the test score."))

def test_the_home_page_names_each_page_by_its_title():
    from asl_course.pages import contents
    text = json.dumps(load(ROOT/"nbs"/"index.ipynb"), ensure_ascii=False)
    off = [p.place for p in contents() if p.part not in ("Start", "Solutions") and not (p.question and f"| [{p.label}]({p.place}) | {p.question} |" in text)]
    assert not off, f"pages that the home page calls otherwise: {off}; asl_refresh index"

def test_before_this_calls_pages_by_their_titles():
    from asl_course.pages import contents
    title = {p.place: p.title for p in contents()}
    for p in contents():
        if p.is_chapter: assert p.before or p.number=="01", f"{p.place} does not say what to read first"
        assert {*p.before}<={*title}, f"{p.place} is after {set(p.before)-{*title}}"
        text = "\n".join(source(c) for c in load(p.path)["cells"] if c["cell_type"]=="markdown")
        for line in re.findall(r"Before this: .*", text):
            for name, to in re.findall(r"\[([^\]]+)\]\(([^)#]+\.ipynb)\)", line):
                there = (p.path.parent/to).resolve().relative_to(ROOT/"nbs").as_posix()
                assert name.rstrip("?")==title[there].rstrip("?"), f"{p.place} calls {there} {name!r}; it is {title[there]!r}"

def test_numbers_in_links_are_those_of_the_pages():
    for p in NBS:
        text = "\n".join(source(c) for c in load(p)["cells"] if c["cell_type"]=="markdown")
        for said, there in re.findall(r"\[(?:[Cc]hapter )?(\d\d)[^\]]*\]\((?:\.\./)?s?(\d\d)_", text): assert said==there, (p.stem, said, there)

def test_pages_that_run_on_one_source_load_nothing_from_another():
    from conftest import is_exported, loads_data
    for p in NBS:
        if not loads_data(p): assert not any(re.search(r"load_letters\((?!\"synth\")|find_real\(|load_mnist\(", o) for c in code_cells(load(p)) if not is_exported(c) for o in source(c).splitlines()), p.stem

# -- the library

def names_asked(code):
    "Global names that compiled code looks up, in the functions inside it too"
    import dis, types
    asked = {o.argval for o in dis.get_instructions(code) if o.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return asked.union(*(names_asked(o) for o in code.co_consts if isinstance(o, types.CodeType)))

def test_every_name_is_known():
    "A function that is seldom called must not fail for want of an import"
    import builtins, importlib
    lost = {}
    for p in module_files():
        module = importlib.import_module(f"asl_course.{module_name(p)}")
        inner = [names_asked(o) for o in compile(p.read_text(), p.name, "exec").co_consts if hasattr(o, "co_consts")]
        local = {n.name for n in ast.walk(ast.parse(p.read_text())) if isinstance(n, (ast.FunctionDef, ast.ClassDef))} # in a class body
        given = {t.id for n in ast.walk(ast.parse(p.read_text())) if isinstance(n, ast.Assign) for t in n.targets if isinstance(t, ast.Name)}
        missing = set().union(*inner)-{*dir(module), *dir(builtins)}-local-given-{"__module__", "__qualname__", "__name__", "__annotations__"}
        if missing: lost[module_name(p)] = sorted(missing)
    assert lost=={}
