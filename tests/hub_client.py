"""Runs programs against a Hub server, each in a process of its own, without starting Python anew for each.

The Hub's client reads its environment when it is imported, so tests cannot use it in their own process. Here
one process sets the environment, imports what takes seconds, and forks for every program.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]

_FORKING = """
import json, os, runpy, sys, traceback
import huggingface_hub.hf_api, safetensors.torch, torch, yaml, betwixt.hub, betwixt.classifier
for line in sys.stdin:
    job = json.loads(line)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            for number, name in ((1, "stdout"), (2, "stderr")):
                os.dup2(os.open(job[name], os.O_WRONLY | os.O_CREAT, 0o600), number)
            os.environ.update(job["env"])
            sys.argv, sys.path[0] = job["argv"], os.path.dirname(job["argv"][0])
            os.chdir(job["folder"])
            runpy.run_path(job["argv"][0], run_name="__main__")
            code = 0
        except SystemExit as stop:
            if isinstance(stop.code, str):
                print(stop.code, file=sys.stderr)
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@dataclass
class Finished:
    returncode: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        return self.stdout + self.stderr


def client_environment(url: str, token: str, home: Path) -> dict[str, str]:
    """The environment in which a client knows only the Hub at `url`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "BETWIXT_"))}
    return kept | {
        "HF_ENDPOINT": url,
        "HF_TOKEN": token,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DOWNLOAD_TIMEOUT": "5",
        "NO_PROXY": "127.0.0.1,localhost",
        "OMP_NUM_THREADS": "1",
    }


class Clients:
    """`with Clients(environment) as clients: clients.run(code)`."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.process = subprocess.Popen(
            [sys.executable, "-c", _FORKING],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def __enter__(self) -> Clients:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=60)

    def run(self, code: str, **environment: str) -> Finished:
        """Runs Python source text."""
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder) / "program.py"
            script.write_text(code, encoding="utf-8")
            return self.run_script(script, **environment)

    def run_script(self, script: Path, *arguments: str | Path, **environment: str) -> Finished:
        """Runs a script as `python script arguments...` would."""
        with tempfile.TemporaryDirectory() as folder:
            stdout, stderr = Path(folder) / "stdout", Path(folder) / "stderr"
            job = {"argv": [str(script), *map(str, arguments)], "env": environment, "folder": folder}
            job |= {"stdout": str(stdout), "stderr": str(stderr)}
            self.process.stdin.write(json.dumps(job) + "\n")
            self.process.stdin.flush()
            returncode = int(self.process.stdout.readline())
            return Finished(returncode, stdout.read_text(encoding="utf-8"), stderr.read_text(encoding="utf-8"))
