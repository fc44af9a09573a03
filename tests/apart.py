"What tests do in processes of their own; imported there without the rest"
import os, pickle

def run_page(chapter, out, parameters, told):
    "A page through papermill, which changes the working folder; the result is left in a file that is there whole or not at all"
    from asl_course.pages import run_chapter
    res = run_chapter(chapter, out, parameters, False)
    told.with_suffix(".new").write_bytes(pickle.dumps(res))
    os.replace(told.with_suffix(".new"), told)
