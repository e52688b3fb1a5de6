"""All Spaces as one site: a front page with a card for each, and each under its own name.

python spaces/launch.py                       # http://127.0.0.1:7860
python spaces/launch.py --port 8000 --host 0.0.0.0
"""

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
if os.environ.get("SPACES_ZERO_GPU"):  # this package must be imported before torch, which the Spaces import
    import spaces  # noqa: F401

import argparse
import importlib.util
import socket
import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from types import ModuleType

import gradio as gr
from fastapi import HTTPException
from fastapi.responses import FileResponse, HTMLResponse
from fastapi.staticfiles import StaticFiles
from huggingface_hub import metadata_load

ROOT = Path(__file__).parent
PICTURES_PER_CARD = 6


@dataclass(frozen=True)
class Space:
    """A folder with an app.py, and what its README.md says about it."""

    folder: Path
    title: str
    emoji: str
    short_description: str

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def pictures(self) -> list[Path]:
        """The first of its examples."""
        return sorted((self.folder / "examples").glob("*.png"))[:PICTURES_PER_CARD]


def find_spaces(root: Path = ROOT) -> list[Space]:
    """Every folder below `root` that has an app.py, in the order of their names.

    Raises:
        ValueError: a Space's README.md lacks its front matter, or an entry that the front page shows.
    """
    found = []
    for app in sorted(root.glob("*/app.py")):
        card = app.with_name("README.md")
        metadata = (metadata_load(card) if card.is_file() else None) or {}
        missing = [key for key in ("title", "emoji", "short_description") if not metadata.get(key)]
        if missing:
            raise ValueError(f"{card}: lacks {', '.join(missing)} in its front matter")
        found.append(Space(app.parent, metadata["title"], metadata["emoji"], metadata["short_description"]))
    return found


def load_space(folder: Path) -> ModuleType:
    """Run a Space's app.py under a module name of its own, and rename the modules beside it that it imports.

    Every Space has an app.py, and two may have a tab_map.py: so none of them keeps its plain name.
    """
    name = f"betwixt_space_{folder.name.replace('-', '_')}"
    beside = {path.stem for path in folder.glob("*.py")}
    others = {key: sys.modules.pop(key) for key in beside & sys.modules.keys()}
    spec = importlib.util.spec_from_file_location(name, folder / "app.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(folder))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(folder))
        for key in beside & sys.modules.keys():
            _rename(sys.modules.pop(key), f"{name}.{key}")
        sys.modules.update(others)
    return module


def _rename(module: ModuleType, name: str) -> None:
    """Its classes and functions follow: Gradio and pickle look for them where `__module__` says."""
    for value in vars(module).values():
        if getattr(value, "__module__", None) == module.__name__:
            value.__module__ = name
    module.__name__ = name
    sys.modules[name] = module


def build_site(found: list[Space]) -> gr.Server:
    """One FastAPI app: the front page under /, every Space under /<name>.

    It is Gradio's own FastAPI class, since ZeroGPU only notices apps that start with Gradio's launch().
    """
    site = gr.Server(title="Betwixt", docs_url=None, redoc_url=None, openapi_url=None)
    page = front_page(found)
    pictures = {f"{space.name}/{path.name}": path for space in found for path in space.pictures}

    @site.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    def show_front_page() -> HTMLResponse:
        return HTMLResponse(page)

    @site.get("/pictures/{space}/{name}", include_in_schema=False)
    def show_picture(space: str, name: str) -> FileResponse:
        if f"{space}/{name}" not in pictures:
            raise HTTPException(404)
        return FileResponse(pictures[f"{space}/{name}"], headers={"Cache-Control": "public, max-age=3600"})

    site.mount("/fonts", StaticFiles(directory=Path(gr.__file__).parent / "templates/frontend/static/fonts"))
    for space in found:
        module = load_space(space.folder)
        demo = module.build_demo()
        gr.mount_gradio_app(site, demo, path=f"/{space.name}", **module.PAGE)
        # Gradio refuses paths that no visitor uploaded only after launch(), which a mounted page never sees.
        demo.has_launched = True
        module.warm_up()
    return site


def front_page(found: list[Space]) -> str:
    """The HTML of the front page."""
    template = Template((ROOT / "front_page.html").read_text(encoding="utf-8"))
    return template.substitute(cards="".join(map(_card, found)))


def _card(space: Space) -> str:
    pictures = "".join(
        f'<img src="pictures/{escape(space.name)}/{escape(path.name)}" alt="" loading="lazy">'
        for path in space.pictures
    )
    return (
        f'<li><a class="card" href="{escape(space.name)}/" id="{escape(space.name)}">'
        f'<span class="pictures" aria-hidden="true">{pictures}</span>'
        f'<span class="words"><span class="emoji" aria-hidden="true">{escape(space.emoji)}</span>'
        f"<strong>{escape(space.title)}</strong>"
        f'<span>{escape(space.short_description)}</span><span class="go" aria-hidden="true">Open →</span>'
        "</span></a></li>"
    )


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """--host and --port; exits with one line on stderr where they are wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    host = os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1")
    port = os.environ.get("GRADIO_SERVER_PORT", "7860")
    parser.add_argument("--host", default=host, help="0.0.0.0 opens it to the network (default: %(default)s)")
    parser.add_argument("--port", default=port, help="default: the variable GRADIO_SERVER_PORT, or 7860")
    options = parser.parse_args(arguments)
    if not options.port.isdecimal() or not 1 <= int(options.port) <= 65535:
        parser.error(f"the port must be a number from 1 to 65535, not {options.port!r}")
    options.port = int(options.port)
    return options


def check_port(host: str, port: int) -> None:
    """Exits with one line where the address cannot be had: better before the networks load than after."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            sys.exit(f"launch.py: cannot listen on {host}:{port} ({error.strerror}); choose another with --port")


def main() -> None:
    options = parse_options()
    check_port(options.host, options.port)
    site = build_site(find_spaces())
    shown = "127.0.0.1" if options.host == "0.0.0.0" else options.host
    print(f"Betwixt runs at http://{shown}:{options.port} (stop it with Ctrl+C)", flush=True)
    # launch() replaces the app's lifespan by its own, and the mounted pages start in the present one.
    site.launch(
        server_name=options.host,
        server_port=options.port,
        app_kwargs={"lifespan": site.router.lifespan_context},
        quiet=True,
        run_history=False,
    )


if __name__ == "__main__":
    main()
