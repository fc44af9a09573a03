"The ledger: complete, borne out by records, with links that lead somewhere"
import json, re
from dataclasses import replace
import numpy as np, pytest
from conftest import ROOT, load, source
from asl_course import pages, records
from asl_course.records import read_record
from asl_course.tutorials.claims import *
from asl_course.tutorials.claims import CLAIMS
from asl_course.commands import asl_records
from asl_course.pages import all_recipes, records_table

IDS = [f"T1.{i}" for i in range(1, 9)]+[f"T2.{i}" for i in range(1, 7)]+[f"T3.{i}" for i in range(1, 13)]+[f"T4.{i}" for i in range(1, 10)]+["T5.1"]+[f"Q{i}" for i in range(1, 5)]+[f"P{i}" for i in range(1, 6)]

def test_one_row_per_claim():
    ids = [c.id for c in CLAIMS]
    assert len(ids)==len(set(ids)) and {o.rstrip("abc") for o in ids}==set(IDS)

def test_a_claim_that_is_parted_has_all_its_parts():
    "T2.4a, T2.4b and so on stand in place of T2.4"
    parts = {}
    for c in CLAIMS: parts.setdefault(c.id.rstrip("abc"), []).append(c.id)
    for id, found in parts.items():
        assert found==[id] or found==[f"{id}{k}" for k in "abc"[:len(found)]] and len(found)>1, found
    assert all(f"{o}a" in parts[o] for o in ("T2.4", "T3.6", "T3.7", "T3.11", "T4.9"))

def test_ids_are_those_of_the_list_of_claims():
    file = ROOT.parent/"shared"/"claims.md"
    if not file.exists(): pytest.skip("the list of claims is kept beside the project; the ids above are a copy of its ids")
    assert re.findall(r"^\| ((?:T\d\.\d+)|(?:[QP]\d)) \|", file.read_text(), re.M)==IDS

def test_every_row_is_filled():
    f = ledger()
    for k in ("claim", "as stated", "honest", "verdict", "why", "cell", "again"): assert (f[k].str.strip()!="").all(), k
    assert set(f.verdict)<=set(VERDICTS) and (f.seeds>=1).all()
    assert not f["as stated"].str.contains("nan").any() and not f.honest.str.contains("nan").any()
    assert all(w.endswith(".") and w.count(". ")<=1 for w in f.why), "the cause in a sentence, two at most"

def test_a_recipe_of_each_row_names_the_claim():
    known = all_recipes()
    silent = [c.id for c in CLAIMS if not any(c.id.rstrip("abc") in known[o[0]].claims for o in c.got+c.honest)]
    assert not silent, silent

def test_links_lead_to_headings():
    from asl_course.tutorials.claims import _link
    for c in CLAIMS:
        nb, heading = c.where.split("#")
        md = "\n".join(source(o) for o in load(ROOT/"nbs"/f"{nb}.ipynb")["cells"] if o["cell_type"]=="markdown")
        assert re.search(rf"^##+ {re.escape(heading)}$", md, re.M), c.where
    assert _link("05_split#The payoff")=="[05, The payoff](../05_split.ipynb#the-payoff)"
    assert _link('tutorials/t4#"nn.Linear is equivalent"')=='[t4, "nn.Linear is equivalent"](t4.ipynb#nn.linear-is-equivalent)' and _link("09_augment#Which changes the letter?").endswith("#which-changes-the-letter)")

def test_what_the_figures_say():
    t = ledger([c for c in CLAIMS if c.id in ("T4.6", "T2.1", "T1.4")])
    share = lambda id, key, d: f"{100*recorded_interval(id, key)[0]:.{d}f} %"
    assert t.loc["T4.6", "as stated"].startswith(f"validation: {share('t4.stated', 'valid.acc', 2)} (")
    said = t.loc["T4.6", "honest"]
    assert said.startswith(f"test: {share('honest.t4', 'test.acc', 1)} (") and said.endswith(", also over photographs)")
    assert t.loc["T2.1", "as stated"].endswith(f": {recorded('t2.tail', 'sorted.7'):.0f}") and t.loc["T1.4", "honest"].count(";")==3
    assert t.loc["T4.6", "again"]=="asl_sweep t4.stated honest.t4" and t.loc["T4.6", "looks at test"]==read_record("t4.stated")["test_readings"]
    assert ";" not in ledger([c for c in CLAIMS if c.id=="T1.4"], short=True).loc["T1.4", "honest"]

def test_an_interval_over_photographs_is_no_narrower_than_over_seeds():
    seeds = recorded_interval("t4.stated", "test.acc"); both = recorded_interval("honest.t4", "test.acc")
    assert seeds[0]==pytest.approx(both[0], abs=1e-6) and both[1]<seeds[1] and seeds[2]<both[2] and both[3]=="seeds and photographs"
    photographs = [recorded("honest.t4", f"cluster.{i}") for i in (0, 1)]
    assert both[0]-both[1]==pytest.approx(((seeds[0]-seeds[1])**2+(seeds[0]-photographs[0])**2)**.5, abs=1e-6) and both[2]>photographs[1]

def test_a_verdict_that_does_not_follow_is_refused():
    c = CLAIMS[0]
    with pytest.raises(ValueError, match="T1.1: the records do not bear out 'holds'"): ledger([replace(c, proof=lambda v: False)])
    with pytest.raises(ValueError, match="T1.1 has the verdict 'maybe': expected one of holds, figure returns, reason wrong"): ledger([replace(c, verdict="maybe")])

def test_table_for_a_page():
    t = ledger_table(ledger(CLAIMS[:2]), ("claim", "verdict")).splitlines()
    assert t[0]=="|  | claim | verdict |" and t[2].startswith("| T1.1 | the dips") and len(t)==4
    f = ledger(CLAIMS[:1]); f["claim"] = "a|b"
    assert r"a\|b" in ledger_table(f, ("claim",))

# -- records that must not be believed

@pytest.fixture
def runs(tmp_path, monkeypatch):
    "A folder of records in place of the published ones, with one record in it"
    for o in (records, pages): monkeypatch.setattr(o, "records_folder", lambda write=False: tmp_path)
    rec = json.loads((ROOT/"data"/"runs"/"t1.stated.real.json").read_text())
    def put(**changes):
        (tmp_path/"t1.stated.real.json").write_text(json.dumps({**rec, **changes}))
        return rec
    put(); put.folder = tmp_path
    return put

def test_values_come_from_full_scale_records_only(runs):
    rec = runs()
    assert recorded("t1.stated", "test.acc")==pytest.approx(np.mean([o["metrics"]["test"]["acc"] for o in rec["seeds"]]))
    with pytest.raises(ValueError, match="no record of t1.slow on the real data: run `asl_sweep t1.slow`"): recorded("t1.slow", "test.acc")
    runs(scale="smoke")
    with pytest.raises(ValueError, match="the record of t1.stated is of smoke scale: the ledger takes full scale only"): recorded("t1.stated", "test.acc")
    runs(schema=99)
    with pytest.raises(ValueError, match="schema 99"): recorded("t1.stated", "test.acc")

def test_a_record_that_lacks_something_is_named(runs):
    rec = runs()
    runs(); p = runs.folder/"t1.stated.real.json"; d = json.loads(p.read_text()); del d["split"]; p.write_text(json.dumps(d))
    with pytest.raises(ValueError, match="t1.stated.real.json lacks split"): recorded("t1.stated", "test.acc")
    runs(seeds=[{k: v for k, v in rec["seeds"][0].items() if k!="torch"}])
    with pytest.raises(ValueError, match="lacks torch of seed 42"): recorded("t1.stated", "test.acc")
    runs(id="t2.other")
    with pytest.raises(ValueError, match="holds the record t2.other on real data"): recorded("t1.stated", "test.acc")

def test_an_interval_takes_two_seeds(runs):
    rec = runs()
    mean, low, high, how = recorded_interval("t1.stated", "test.acc"); assert low<mean<high and how=="seeds"
    runs(seeds=rec["seeds"][:1])
    with pytest.raises(ValueError, match="t1.stated has 1 seed: an interval takes at least two"): recorded_interval("t1.stated", "test.acc")

def test_the_table_of_records_marks_what_is_stale(runs, monkeypatch, capsys):
    rec = runs()
    t = records_table(runs.folder); assert t.loc["t1.stated.real", "state"]=="" and t.loc["t1.stated.real", "seeds"]==5
    for changes, says in ((dict(identity="0"*12, accepted=[]), "stale: its code has changed"), (dict(settings={}), "stale: its settings have changed"), (dict(scale="smoke"), "smoke scale"),
                          (dict(seeds=rec["seeds"][:2]), "2 of 5 seeds"), (dict(schema=7), "schema 7"), (dict(seeds=[{**o, "commit": None} for o in rec["seeds"]]), "no commit")):
        runs(**changes); assert says in records_table(runs.folder).loc["t1.stated.real", "state"], says
    (runs.folder/"test.gone.real.json").write_text(json.dumps({**rec, "id": "test.gone"}))
    assert records_table(runs.folder).loc["test.gone.real", "state"]=="no such recipe"
    monkeypatch.setenv("ASL_RECORDS", str(runs.folder))
    assert asl_records()==1 and "no such recipe" in capsys.readouterr().out
    (runs.folder/"test.gone.real.json").unlink(); runs()
    assert asl_records()==0 and "t1.stated.real" in capsys.readouterr().out
    assert records_table().loc["t1.slow.real", "state"]=="no record", "of the published ones, what is missing is listed too"
    (runs.folder/"t1.stated.real.json").unlink()
    assert asl_records()==0 and "No records." in capsys.readouterr().out

# -- what is shown is what is recorded

def shown(nb): return "\n".join("".join(o["data"]["text/markdown"]) for c in load(ROOT/"nbs"/nb)["cells"] if c["cell_type"]=="code" for o in c["outputs"] if "text/markdown" in o.get("data", {}))

def rows_of(table): return [l for l in table.splitlines() if re.match(r"\| (T\d|[QP]\d)", l)]

def test_the_saved_ledger_is_that_of_the_records():
    page = shown("tutorials/claims.ipynb")
    old = [r.split(" | ")[0] for r in rows_of(ledger_table(ledger())) if r not in page]
    assert not old, f"rows of the ledger's page that no longer match the records: {old}; make refresh CH=claims"
    assert len(rows_of(page))==len(CLAIMS) and all(f"**{i}**: {r.verdict}. {r.why}" in page for i, r in ledger().iterrows())

def test_the_home_page_counts_the_verdicts():
    "One sentence and a link; the figures stand in the ledger"
    found = ledger().verdict
    said = "; ".join(f"{v} {n}" for v, n in found[found.index.str.startswith("T")].value_counts().items())
    for where, text in (("nbs/index.ipynb", shown("index.ipynb")), ("README.md", (ROOT/"README.md").read_text())):
        assert said in text and "tutorials/claims.ipynb" in text, f"the count in {where} no longer matches the records: make refresh CH=index, then make docs"
