"What is built and installed, and what happens when a chapter is added: tried on copies of the repository."
import json, os, re, subprocess, sys, zipfile
import pytest
from conftest import ROOT, load, source
from test_docs import copy_to

EXE = {o: str(__import__("pathlib").Path(sys.executable).with_name(o)) for o in ("nbdev_export", "nbdev_clean", "asl_run")}

def run(*args, cwd, **env):
    res = subprocess.run(args, cwd=cwd, capture_output=True, text=True, env={**os.environ, **env})
    assert res.returncode==0, (args, res.stdout[-2000:], res.stderr[-3000:])
    return res.stdout

@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    "A wheel, built and unpacked: what an installation without the repository has"
    d = tmp_path_factory.mktemp("wheel"); copy_to(d/"src")
    run(sys.executable, "setup.py", "-q", "bdist_wheel", "--dist-dir", str(d/"dist"), cwd=d/"src")
    [wheel] = (d/"dist").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(d/"lib")
    return d/"lib"

def in_installed(lib, code, *args):
    env = dict(PYTHONPATH=str(lib), ASL_PROGRESS=str(lib/"progress.json"))
    env |= dict(ASL_RECORDS="") # the records that came with it
    return run(sys.executable, "-c", code, *args, cwd=lib.parent, **env).strip()

def test_a_wheel_has_every_module_and_the_records(installed):
    names = {p.relative_to(installed).as_posix() for p in (installed/"asl_course").rglob("*") if p.is_file()}
    here = {p.relative_to(ROOT).as_posix() for p in (ROOT/"asl_course").rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    assert here<=names and {f"asl_course/runs/{p.name}" for p in (ROOT/"data"/"runs").glob("*.json")}<=names
    assert not [o for o in names if o.endswith((".ipynb", ".csv"))]

def test_an_installation_checks_exercises_and_reads_the_ledger(installed):
    code = """
import json, asl_course
from asl_course.exercises import all_exercises, check, hint, progress, solution_page
from asl_course.tutorials.claims import CLAIMS, ledger
right, wrong = check("train.epoch-loss", lambda l, s: (l*s).sum()/s.sum()), check("split.leak", lambda g, t, v: 0)
print(json.dumps([asl_course.__file__, right.text, wrong.state, len(all_exercises()), solution_page("claims.difference"), len(progress()), len(ledger())==len(CLAIMS)]))
"""
    where, right, wrong, n, page, chapters, whole = json.loads(in_installed(installed, code).splitlines()[-1])
    assert where.startswith(str(installed)) and right=="right, in 3 cases" and wrong=="wrong" and whole
    from asl_course.exercises import all_exercises, progress
    assert n==len(all_exercises()) and chapters==len(progress()) and page=="s_claims"

def test_an_installation_has_the_reader(installed):
    from asl_course.predict import Predictor
    photo = ROOT/"nbs"/"photos"/"L.png"
    code = "import sys; from asl_course.predict import Predictor; from asl_course.records import read_record; print(Predictor(plain=True)(sys.argv[1]).letter, len(read_record('shipped.reader')['seeds']))"
    letter, n = in_installed(installed, code, str(photo)).split()
    assert letter==Predictor(plain=True)(photo).letter and int(n)>=3

# -- a new chapter

def new_chapter(folder):
    "Puts a chapter 13 and its solutions into a copy of the repository, made from 18 and its solutions; nothing else is edited"
    nbs = folder/"nbs"
    def made(old, new, **changes):
        d = load(nbs/old)
        for c in d["cells"]:
            text = source(c)
            for a, b in changes.items(): text = text.replace(a, b)
            c["source"] = text.splitlines(True)
        (nbs/new).write_text(json.dumps(d, indent=1, ensure_ascii=False)+"\n", encoding="utf-8")
    frame = load(nbs/"18_app.ipynb")
    head = next(i for i, c in enumerate(frame["cells"]) if source(c).startswith("# "))
    marked = next(c for c in frame["cells"] if "parameters" in c["metadata"].get("tags", []))
    text = lambda s: dict(cell_type="markdown", id=f"{abs(hash(s)):08x}"[:8], metadata={}, source=s.splitlines(True))
    code = lambda s: dict(cell_type="code", execution_count=None, id=f"{abs(hash(s)):08x}"[:8], metadata={}, outputs=[], source=s.splitlines(True))
    frame["cells"] = [frame["cells"][0], code("#| default_exp written_again"),
        text("# A new chapter\n\n> It says hello.\n\n- part: Fast\n- question: Can a chapter be added?"),
        text("Before this: [How sure are we?](11_honest.ipynb)."), marked,
        code("#| export\nfrom asl_course.core import *"), code("#| export\ndef hello():\n    \"A greeting\"\n    return 'hello'"),
        code("from asl_course.exercises import check"), code("run = start_page('19_written_again', scale, seed, device, source)\nrun"),
        code("def greet(): ...\n\ncheck(\"written_again.greet\", greet)"), code("headline('greetings', 1)")]
    (nbs/"19_written_again.ipynb").write_text(json.dumps(frame, indent=1)+"\n", encoding="utf-8")
    made("solutions/s18_app.ipynb", "solutions/s19_written_again.ipynb")
    solved = load(nbs/"solutions"/"s19_written_again.ipynb")
    cells = "class Greet:\n    \"A greeting\"\n    hint = \"Say it\"\n    idea = \"Return it\"\n    def cases(): yield \"once\", (), \"hello\"\n    wrong = [lambda: \"\", lambda: 1]"
    solved["cells"] = [solved["cells"][0], code("#| default_exp cases.written_again"), text("# Solutions: a greeting\n\n> Said once."), marked,
                       code("from asl_course.core import *\nfrom asl_course.exercises import check"), code("run = start_page('s19_written_again', scale, seed, device, source)\nrun"),
                       code("check(\"written_again.greet\", lambda: \"hello\", must=True)"), code("#| exporti\n"+cells), code("headline('greetings', 1)")]
    (nbs/"solutions"/"s19_written_again.ipynb").write_text(json.dumps(solved, indent=1)+"\n", encoding="utf-8")

def test_a_chapter_that_is_added_is_found_everywhere(tmp_path):
    copy_to(tmp_path); new_chapter(tmp_path)
    env = dict(PYTHONPATH=f"{tmp_path}{os.pathsep}{os.environ['PYTHONPATH']}", ASL_OFFLINE="1", ASL_PROGRESS=str(tmp_path/"progress.json"))
    run(EXE["nbdev_export"], cwd=tmp_path, **env)
    program = """
import json, sys, asl_course
from asl_course.pages import *
from asl_course.exercises import *
from asl_course.records import read_code
import asl_course.all as lot, matplotlib.pyplot as plt
fig, ax = plt.subplots(); draw_map(contents(), ax, "map")
p = next(p for p in contents() if "written_again" in p.place and p.is_chapter)
print(json.dumps(dict(at=asl_course.__file__, places=[o.place for o in contents()], title=p.label, before=p.before, table=contents_table([p]), sidebar=sidebar_yaml(contents()),
    map=[t.get_text() for t in ax.texts], run=[o.name for o in chapters(["19_written_again", "s19_written_again"])], all="hello" in lot.__all__, modules=library_modules(), code="written_again" in read_code().texts,
    check=repr(check("written_again.greet", lambda: "hello")), page=solution_page("written_again.greet"), progress=progress().to_dict("records")[-2]))) # before the claims
"""
    o = json.loads(run(sys.executable, "-W", "ignore", "-c", program, cwd=tmp_path, **env).splitlines()[-1])
    assert o["at"].startswith(str(tmp_path))
    assert o["places"].index("19_written_again.ipynb")==o["places"].index("19_speed.ipynb")+1 and "solutions/s19_written_again.ipynb" in o["places"]
    assert o["title"]=="19 A new chapter" and o["before"]==["11_honest.ipynb"] and "| [19 A new chapter](19_written_again.ipynb) | Can a chapter be added? |" in o["table"]
    assert "          - 19_speed.ipynb\n          - 19_written_again.ipynb" in o["sidebar"] and "To chapter 19" in o["sidebar"] and "19 written again" in o["map"]
    assert o["run"]==["19_written_again.ipynb", "s19_written_again.ipynb"] and o["all"] and "asl_course.written_again" in o["modules"] and o["code"]
    assert "right, in 1 case" in o["check"] and o["page"]=="s19_written_again"
    run(EXE["asl_run"], "19_written_again", "s19_written_again", "index", "library", "--scale", "smoke", "--out", str(tmp_path/"out"), cwd=tmp_path, **env)
    shown = {n: (tmp_path/"out"/f"{n}.ipynb").read_text(encoding="utf-8") for n in ("index", "library")}
    assert "[19 A new chapter](19_written_again.ipynb)" in shown["index"] and "| [hello](19_written_again.ipynb#hello)" in shown["library"]
    run(sys.executable, ".ci/docs.py", cwd=tmp_path, **env)
    html = (tmp_path/"_docs"/"19_speed.html").read_text(encoding="utf-8")
    assert 'href="19_written_again.html"' in html.replace("./", "") and "A new chapter" in html and (tmp_path/"_docs"/"solutions"/"s19_written_again.html").exists()

def test_a_page_without_title_or_part_is_named(tmp_path):
    from asl_course.pages import contents
    def page(name, text): (tmp_path/name).write_text(json.dumps(dict(cells=[dict(cell_type="markdown", source=[text])])))
    page("02_x.ipynb", "nothing")
    with pytest.raises(ValueError, match="02_x.ipynb has no title"): contents(tmp_path)
    page("02_x.ipynb", "# A title\n\n> A promise")
    with pytest.raises(ValueError, match="02_x.ipynb is in no part: write `- part: NAME` below its title"): contents(tmp_path)
    page("02_x.ipynb", "# A title\n\n- part: Letters\n- question: Why?\n\nBefore this: [B](01_b.ipynb) and [T](tutorials/t.ipynb). In a hurry? [C](03_c.ipynb).")
    [p] = contents(tmp_path)
    assert (p.part, p.question, p.before, p.label)==("Letters", "Why?", ["01_b.ipynb", "tutorials/t.ipynb"], "02 A title")
