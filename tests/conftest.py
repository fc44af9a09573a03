"What the tests share: the repository, its notebooks, a small data set, and one papermill run of every chapter."
import ast, json, os, shutil, tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
import pytest

ROOT = Path(__file__).resolve().parent.parent
NBS = sorted(p for p in (ROOT/"nbs").rglob("*.ipynb") if not any(o.startswith((".", "_")) for o in p.relative_to(ROOT/"nbs").parts))
def load(path): return json.loads(Path(path).read_text(encoding="utf-8"))
def source(cell): return "".join(cell["source"])
def code_cells(nb): return [c for c in nb["cells"] if c["cell_type"]=="code"]

def loads_data(path):
    "Does a page pass its parameter `source` on, other than to `start`?"
    for c in code_cells(load(path)):
        if source(c).startswith("#| export") or "parameters" in c["metadata"].get("tags", []): continue
        tree = ast.parse("".join("pass\n" if l.startswith(("!", "%")) else l for l in c["source"]))
        banner = {id(o) for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "")=="start_page" for o in ast.walk(n)}
        if any(isinstance(n, ast.Name) and n.id=="source" and id(n) not in banner for n in ast.walk(tree)): return True
    return False

PARAMETERS = ['scale = None', 'seed = 42', 'device = None', 'source = "auto"']

# Records, working and temporary folders of tests never touch those of a person, and are gone at the end; kernels started by tests reach no other machine.
_tmp = tempfile.mkdtemp(prefix="asl-tests-")
os.environ.update(ASL_RECORDS=f"{_tmp}/records", TMPDIR=_tmp, PYTHONPATH=str(ROOT/"tests"/"nonet"), JUPYTER_PREFER_ENV_PATH="1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.pop("PYTHONDONTWRITEBYTECODE", None) # some hundred processes import the library: once compiled is enough
os.environ.pop("ASL_SCALE", None); os.environ.pop("ASL_SOURCE", None); os.environ.pop("ASL_DEVICE", None)

def real_found():
    from asl_course.files import find_real
    return find_real() is not None

# nbdev_test runs every page on rendered hands. papermill runs those that take data, on the real files where they are found: each page on each kind of data once
SOURCE = "real" if real_found() else "synth"
PAGES = [p for p in NBS if p.parent.name!="solutions" and loads_data(p)]

def pytest_sessionfinish(session):
    for r in _runs: r.pool.shutdown(cancel_futures=True)
    shutil.rmtree(_tmp, ignore_errors=True)

def devices():
    import torch
    return ["cpu"]+(["cuda"] if torch.cuda.is_available() else [])+(["mps"] if torch.backends.mps.is_available() else [])

TWICE = "01_data", "02_scratch" # the same seed must give the same numbers

class Runs:
    """Every page that takes data through papermill at smoke scale: on each device, with no network, from a foreign working folder,
    and with variables set that the parameters must win over; two chapters are run twice. Three at a time, beside the other tests."""
    def __init__(self, folder):
        from asl_course.pages import run_chapter
        self.folder, self.jobs = Path(folder), {}
        jobs = [(p, d, False) for d in devices() for p in PAGES]+[(p, "cpu", True) for p in PAGES if p.stem in TWICE]
        os.environ["ASL_SCALE"] = "full" # inherited by the processes, which start here
        self.pool = ProcessPoolExecutor(3, get_context("spawn")) # processes, since papermill changes the working folder
        for p, d, again in jobs:
            out = self.folder/f"{d}{'-again' if again else ''}"
            self.jobs[p.stem, d, again] = self.pool.submit(run_chapter, p, out, dict(scale="smoke", source=SOURCE, device=d), False)
        del os.environ["ASL_SCALE"]
    def __call__(self, chapter, device="cpu", again=False): return self.jobs[chapter, device, again].result()

_runs = []

def pytest_collection_modifyitems(items): items.sort(key=lambda o: o.path.name=="test_papermill.py") # what needs the chapters comes last

def pytest_collection_finish(session):
    "The chapters start first"
    if not session.config.option.collectonly and any(o.path.name=="test_papermill.py" and "runs" in o.fixturenames for o in session.items): _runs.append(Runs(f"{_tmp}/runs"))

@pytest.fixture(scope="session")
def runs(): return _runs[0]

@pytest.fixture(scope="session")
def hands(tmp_path_factory):
    "Rendered hands to train on"
    from asl_course.synth import synth_letters
    return synth_letters(2400, 240, 0, tmp_path_factory.mktemp("hands"))

@pytest.fixture(scope="session")
def few_hands(tmp_path_factory):
    "Fewer of them, to look at"
    from asl_course.synth import synth_letters
    return synth_letters(960, 240, 3, tmp_path_factory.mktemp("hands"))

@pytest.fixture()
def small():
    "72 random pictures, three a letter"
    import numpy as np
    return np.random.default_rng(0).integers(0, 256, (72, 28, 28), dtype=np.uint8), np.arange(72)%24

@pytest.fixture()
def good(tmp_path, small):
    "A correct CSV file of them"
    from asl_course.files import write_letters_csv
    write_letters_csv(*small, tmp_path/"good.csv")
    return tmp_path/"good.csv"
