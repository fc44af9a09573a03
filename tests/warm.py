"""A process that has imported the library and forks for each command.

What a person types starts Python and imports some three seconds' worth of packages. Most tests of commands are not about that: they ask a fork of one warm process, with arguments, variables and folder of their own. `test_help` and others start every command for real."""
import json, os, subprocess, sys, tempfile
from pathlib import Path

def _serve():
    "Requests come as lines of JSON; each is answered by a fork"
    import asl_course.commands
    from asl_course.pages import all_recipes
    all_recipes()
    print("ready", flush=True)
    for line in sys.stdin:
        task = json.loads(line)
        pid = os.fork()
        if not pid: _be(task)
        _, status = os.waitpid(pid, 0)
        print(json.dumps(os.waitstatus_to_exitcode(status)), flush=True)

def _be(task):
    "The fork: what the console script of a command does, with its own outputs"
    name, *args = task["args"]
    status = 1
    try:
        for fd, path in ((1, task["out"]), (2, task["err"])): os.dup2(os.open(path, os.O_WRONLY), fd)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(task["cwd"])
        os.environ.clear()
        os.environ.update(task["env"])
        sys.argv = [name, *args]
        script = str(Path(sys.executable).with_name(name))
        code = compile(f"import sys\nfrom asl_course.commands import {name}\nsys.exit({name}())", script, "exec")
        exec(code, dict(__name__="__main__", __file__=script)) # as the console script stands
    except SystemExit as e:
        status = e.code if isinstance(e.code, int) else int(e.code is not None)
        if not isinstance(e.code, int|None): print(e.code, file=sys.stderr)
    except BaseException:
        import traceback
        traceback.print_exc()
    try:
        sys.stdout.flush(); sys.stderr.flush()
    finally: os._exit(status)

class Warm:
    "Call it as a command line; variables as keywords, the folder as `cwd`"
    def __init__(self, **env): self.env, self.process = env, None
    def start(self):
        self.process = subprocess.Popen([sys.executable, __file__], env={**os.environ, **self.env}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline()!="ready\n": raise RuntimeError("the warm process did not start")
    def __call__(self, *args, cwd=None, **env):
        if not self.process: self.start()
        with tempfile.TemporaryDirectory() as d:
            out, err = Path(d)/"out", Path(d)/"err"
            out.touch(), err.touch()
            task = dict(args=args, cwd=str(cwd or os.getcwd()), env={**os.environ, **self.env, **env}, out=str(out), err=str(err))
            self.process.stdin.write(json.dumps(task)+"\n")
            self.process.stdin.flush()
            code = json.loads(self.process.stdout.readline())
            return subprocess.CompletedProcess(args, code, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))
    def close(self):
        if not self.process: return
        self.process.stdin.close()
        self.process.wait(10)

if __name__=="__main__": _serve()
