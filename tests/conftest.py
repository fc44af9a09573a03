"What the tests share: the repository, its notebooks, a small data set, and one papermill run of every chapter."
import ast, json, os, pickle, shutil, tempfile, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
import pytest
from apart import run_page

ROOT = Path(__file__).resolve().parent.parent
NBS = sorted(p for p in (ROOT/"nbs").rglob("*.ipynb") if not any(o.startswith((".", "_")) for o in p.relative_to(ROOT/"nbs").parts))
def load(path): return json.loads(Path(path).read_text(encoding="utf-8"))
def source(cell): return "".join(cell["source"])
def code_cells(nb): return [c for c in nb["cells"] if c["cell_type"]=="code"]

def is_exported(cell): return any(l.startswith("#| export") for l in cell["source"]) # a directive that folds may stand above

def loads_data(path):
    "Does a page pass its parameter `source` on, other than to `start`?"
    for c in code_cells(load(path)):
        if is_exported(c) or "parameters" in c["metadata"].get("tags", []): continue
        tree = ast.parse("".join("pass\n" if l.startswith(("!", "%")) else l for l in c["source"]))
        banner = {id(o) for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "")=="start_page" for o in ast.walk(n)}
        if any(isinstance(n, ast.Name) and n.id=="source" and id(n) not in banner for n in ast.walk(tree)): return True
    return False

PARAMETERS = ['scale = None', 'seed = 42', 'device = None', 'source = "auto"']

# Records, working and temporary folders of tests never touch those of a person, and are gone at the end; kernels started by tests reach no other machine.
# Where tests are shared out to processes (pytest-xdist), the first process makes the folder and removes it.
FIRST = "PYTEST_XDIST_WORKER" not in os.environ
_shared = tempfile.mkdtemp(prefix="asl-tests-") if FIRST else os.environ["ASL_TESTS_SHARED"]
_tmp = _shared if FIRST else tempfile.mkdtemp(prefix="worker-", dir=_shared)
os.environ.update(ASL_TESTS_SHARED=_shared, ASL_RECORDS=f"{_tmp}/records", TMPDIR=_tmp, PYTHONPATH=str(ROOT/"tests"/"nonet"), JUPYTER_PREFER_ENV_PATH="1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.pop("PYTHONDONTWRITEBYTECODE", None) # some hundred processes import the library: once compiled is enough
os.environ.pop("ASL_SCALE", None); os.environ.pop("ASL_SOURCE", None); os.environ.pop("ASL_DEVICE", None)

def real_found():
    from asl_course.files import find_real
    return find_real() is not None

# nbdev_test runs every page on rendered hands. papermill runs those that take data, on the real files where they are found: each page on each kind of data once
SOURCE = "real" if real_found() else "synth"
PAGES = [p for p in NBS if p.parent.name!="solutions" and loads_data(p)]

def devices():
    import torch
    return ["cpu"]+(["cuda"] if torch.cuda.is_available() else [])+(["mps"] if torch.backends.mps.is_available() else [])

TWICE = "01_data", "02_scratch" # the same seed must give the same numbers

class Runs:
    """Every page that takes data through papermill at smoke scale: on each device, with no network, from a foreign working folder,
    and with variables set that the parameters must win over; two chapters are run twice. Two at a time, beside the other tests."""
    folder = Path(_shared)/"runs"
    def __init__(self):
        self.folder.mkdir()
        jobs = [(p, d, False) for d in devices() for p in PAGES]+[(p, "cpu", True) for p in PAGES if p.stem in TWICE]
        os.environ["ASL_SCALE"] = "full" # inherited by the processes, which start here
        self.pool = ProcessPoolExecutor(2, get_context("spawn"))
        self.jobs = {self.told(p.stem, d, again): self.pool.submit(run_page, p, self.folder/f"{d}{'-again' if again else ''}", dict(scale="smoke", source=SOURCE, device=d),
                                                                   self.told(p.stem, d, again)) for p, d, again in jobs}
        del os.environ["ASL_SCALE"]
    @classmethod
    def told(cls, chapter, device, again): return cls.folder/f"{chapter}-{device}{'-again' if again else ''}.pkl"

class Results:
    "What came out of a page, when it has"
    folder = Runs.folder
    def __call__(self, chapter, device="cpu", again=False):
        told, end = Runs.told(chapter, device, again), time.time()+1200
        while not told.exists():
            failed = next((r.jobs[told] for r in _runs if r.jobs[told].done()), None)
            if failed and not told.exists(): failed.result()
            assert time.time()<end, f"{chapter} has not come to its end in 20 minutes"
            time.sleep(.2)
        return pickle.loads(told.read_bytes())

_runs = []

def pytest_sessionstart(session):
    "The chapters start first, in the first process, when their tests are asked for"
    asked = [Path(o.split("::")[0]).name for o in session.config.args]
    if FIRST and not session.config.option.collectonly and {"tests", "test_papermill.py", ""}&set(asked): _runs.append(Runs())

def pytest_sessionfinish(session):
    for r in _runs: r.pool.shutdown(cancel_futures=True)
    shutil.rmtree(_tmp, ignore_errors=True)

@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items): items.sort(key=lambda o: o.path.name=="test_papermill.py") # what needs the chapters comes last

@pytest.fixture(scope="session")
def runs(): return Results()

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
