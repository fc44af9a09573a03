"What the prose of chapters says of records: measured again, a text may have to change. No timings, which are of a machine."
import numpy as np
from asl_course.records import read_record, seed_values

def mean(id, key, source="real"): return np.mean(seed_values(read_record(id, source), key))

def test_chapter_05_the_split_and_the_gap():
    random, photo = (abs(mean("split.gap", f"linear.{h}.acc")-mean("split.gap", f"linear.{h}.test.acc")) for h in ("random", "photo"))
    assert abs(mean("split.gap", "linear.photo.apart"))<2, "validation on photographs agrees with test"
    assert random>5*photo, "on random rows it does not"
    found = read_record("split.recovery")["seeds"][0]["metrics"]["t985"]
    assert found["ari"]>=.95 and found["mixed"]==0 and found["alone"]<=.02

def test_chapter_11_intervals():
    share = {k: mean("honest.coverage", f"{k}.acc") for k in ("cluster", "plain", "few")}
    assert .9<=share["cluster"]<=.99 and share["plain"]<.5 and share["few"]<.85

def test_chapter_19_the_race():
    for id, acc in (("speed.speedrun", .99), ("speed.sure", .999)):
        rec = read_record(id)
        assert len(rec["seeds"])>=20 and rec["scale"]=="full" and all(o["test_readings"]==1 for o in rec["seeds"])
        assert mean(id, "test.acc")>=acc

def test_chapter_20_rendered_hands_are_as_hard():
    linear = {k: mean("synth.difficulty", f"linear.{k}.acc", "synth") for k in ("valid", "test")}
    assert .45<=linear["test"]<=.80 and linear["valid"]-linear["test"]>=.10
    assert mean("synth.difficulty", "cnn.test.acc", "synth")>=.95 and seed_values(read_record("synth.sim-to-real"), "test.acc")[0]>.40
