"""Latency and throughput of the event `classify` against the same network in a bare Gradio app.

    python benchmarks/classify.py --out runs/benchmark_classify.json

Three servers run side by side, and take turns, so that what else the machine does hits all alike:

    bare    gr.Interface over the first network: eager float32, nothing set
    ours    the Space's event with that network alone, without heat maps
    page    the Space's event as it is: all networks; and with the heat maps and the what-if test

Clients are gradio_client's, each in a thread; a request uploads its picture and waits for the answer.
"""

import argparse
import importlib.util
import json
import platform
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

PROJECT = Path(__file__).parents[1]
SPACE = PROJECT / "spaces" / "clocks-crocodiles"
EXAMPLE = sorted((SPACE / "examples").glob("*.png"))[0]
NETWORK = "clocks-crocodiles-classifier"
PHOTO_SIZE = (2000, 1500)  # of a visitor's photo, beside the example's 128 x 128


# The servers


def serve(kind: str, port: int) -> None:
    """Run one of the three apps until it is stopped."""
    import gradio as gr

    if kind == "bare":
        from betwixt import ImageClassifier

        model = ImageClassifier.from_pretrained(NETWORK)

        def classify(photo):
            return dict(zip(model.class_names, model.predict([photo])[0].tolist(), strict=True))

        gr.Interface(classify, gr.Image(type="pil"), gr.Label(), api_name="classify").launch(server_port=port)
        return
    spec = importlib.util.spec_from_file_location("launch", PROJECT / "spaces" / "launch.py")
    launch = importlib.util.module_from_spec(spec)
    sys.modules["launch"] = launch
    spec.loader.exec_module(launch)
    app = launch.load_space(SPACE)
    if kind == "ours":
        app.NETWORKS = (NETWORK,)
    app.networks()
    app.build_demo().launch(server_port=port, **app.PAGE)


class Server:
    """One of them in a process of its own."""

    def __init__(self, kind: str, log: Path):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [sys.executable, __file__, "--serve", kind, "--serve-port", str(self.port)]
        with open(log, "wb") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=file)

    def cpu_seconds(self) -> float:
        used = psutil.Process(self.process.pid).cpu_times()
        return used.user + used.system

    def connect(self, seconds: float = 120):
        """A client, as soon as the server answers."""
        from gradio_client import Client

        end = time.monotonic() + seconds
        while True:
            try:
                return Client(f"http://127.0.0.1:{self.port}", verbose=False, download_files=False)
            except Exception:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise
                time.sleep(0.5)


# The measurement


@dataclass(frozen=True)
class Turn:
    """What one app did in one turn."""

    seconds: list[float]  # that each request took
    wall: float  # that all of them took together
    cpu: float  # seconds of processor time that the server spent


def time_requests(server: Server, picture: Path, arguments: tuple, clients: int, count: int) -> Turn:
    """Send `count` requests from as many clients at once as asked."""
    from gradio_client import handle_file

    connected = [server.connect() for _ in range(clients)]

    def one_after_the_other(client) -> list[float]:
        seconds = []
        for _ in range(count // clients):
            start = time.perf_counter()
            client.predict(handle_file(str(picture)), *arguments, api_name="/classify")
            seconds.append(time.perf_counter() - start)
        return seconds

    one_after_the_other(connected[0])  # warm
    cpu, start = server.cpu_seconds(), time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        seconds = [value for values in pool.map(one_after_the_other, connected) for value in values]
    return Turn(seconds, time.perf_counter() - start, server.cpu_seconds() - cpu)


def summarise(turns: list[Turn]) -> dict[str, float]:
    """Median and 95th percentile in ms over all turns; rates of the median turn."""
    milliseconds = 1000 * np.concatenate([turn.seconds for turn in turns])
    return {
        "p50_ms": round(float(np.percentile(milliseconds, 50)), 1),
        "p95_ms": round(float(np.percentile(milliseconds, 95)), 1),
        "requests_per_s": round(float(np.median([len(turn.seconds) / turn.wall for turn in turns])), 1),
        "server_cpu_ms": round(float(np.median([1000 * turn.cpu / len(turn.seconds) for turn in turns])), 1),
        "requests": len(milliseconds),
    }


def measure(servers: dict[str, Server], pictures: dict[str, Path], rounds: int, count: int) -> list[dict]:
    """One row per app, picture and number of clients."""
    cases = [
        ("bare", "bare", ()),
        ("ours", "ours", (False,)),
        ("page", "page", (False,)),
        ("page + why", "page", (True,)),
    ]
    rows = []
    for name, picture in pictures.items():
        for clients in (1, 8):
            timed: dict[str, list] = {label: [] for label, _, _ in cases}
            for _ in range(rounds):
                for label, server, arguments in cases:
                    requests = max(clients, count // 4 // clients * clients) if label == "page + why" else count
                    timed[label].append(time_requests(servers[server], picture, arguments, clients, requests))
            rows += [
                {"app": label, "picture": name, "clients": clients, **summarise(results)}
                for label, results in timed.items()
            ]
    return rows


def print_table(rows: list[dict]) -> None:
    print(
        f"{'picture':<18}{'clients':>8}  {'app':<12}{'p50 ms':>9}{'p95 ms':>9}{'requests/s':>12}{'server CPU ms':>15}"
    )
    for row in rows:
        print(
            f"{row['picture']:<18}{row['clients']:>8}  {row['app']:<12}"
            f"{row['p50_ms']:>9.1f}{row['p95_ms']:>9.1f}{row['requests_per_s']:>12.1f}{row['server_cpu_ms']:>15.1f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--rounds", type=int, default=3, help="turns that each app has (default: 3)")
    parser.add_argument("--requests", type=int, default=40, help="requests of each turn (default: 40)")
    parser.add_argument("--out", type=Path, help="also write the rows as JSON")
    parser.add_argument("--serve", choices=("bare", "ours", "page"), help=argparse.SUPPRESS)
    parser.add_argument("--serve-port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.serve_port)
        return
    if options.rounds < 1 or options.requests < 8:
        parser.error("--rounds must be at least 1, and --requests at least 8")
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "photo.jpg"
        with Image.open(EXAMPLE) as example:
            example.convert("RGB").resize(PHOTO_SIZE).save(photo, quality=90)
        pictures = {"128 x 128 PNG": EXAMPLE, "{} x {} JPEG".format(*PHOTO_SIZE): photo}
        servers = {kind: Server(kind, Path(folder) / f"{kind}.log") for kind in ("bare", "ours", "page")}
        try:
            rows = measure(servers, pictures, options.rounds, options.requests)
        finally:
            for server in servers.values():
                server.process.terminate()
                server.process.wait()
    print_table(rows)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        machine = {"machine": platform.platform(), "python": platform.python_version()}
        options.out.write_text(json.dumps({**machine, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
