"""The house's rules, read from the files: who imports whom, no work at import, nothing that does not belong."""

import ast
import json
import re
import subprocess
import sys

import pytest
from conftest import ROOT

FOLDERS = ("src", "training", "hub_upload", "spaces", "tests", "benchmarks")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
LIBRARY = [path for path in SOURCES if ROOT / "src" in path.parents]
RECIPES = sorted((ROOT / "training").glob("*.py"))
ENTRIES = [path for path in SOURCES if '__name__ == "__main__"' in path.read_text()]


def imported(path) -> set[str]:
    """Every module that a file imports, also inside its functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def roots(path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_library_imports_no_application(path):
    outside = {other.stem for folder in ("training", "hub_upload") for other in (ROOT / folder).glob("*.py")}
    assert not roots(path) & {"gradio", "argparse", "accelerate", "spaces", "worlds", "datasets", *outside}


def test_losses_metrics_and_worlds_import_no_model():
    models = {"betwixt.classifier", "betwixt.ImageClassifier", "betwixt.autoencoder", "betwixt.ConvAutoencoder"}
    pure = [ROOT / "src" / "betwixt" / name for name in ("metrics.py", "images.py")]
    for path in [*pure, *(ROOT / "training" / "worlds").glob("*.py")]:
        assert not imported(path) & models, path


def test_recipes_import_no_recipe():
    verbs = ("prepare", "make", "train", "evaluate", "convert", "publish", "name")
    recipes = {path.stem for path in RECIPES if path.stem.split("_")[0] in verbs}
    for path in [*RECIPES, *(ROOT / "hub_upload").glob("*.py"), *(ROOT / "spaces").rglob("*.py")]:
        assert not roots(path) & recipes, path
    for path in (ROOT / "spaces").rglob("*.py"):
        assert not roots(path) & {recipe.stem for recipe in RECIPES}, path


def test_folders_of_scripts_are_no_packages():
    for folder in ("spaces", "training", "hub_upload"):
        assert not list((ROOT / folder).rglob("__init__.py"))


@pytest.mark.parametrize("path", ENTRIES, ids=lambda path: path.name)
def test_scripts_keep_their_work_behind_the_guard(path):
    """At module level there are only definitions, constants, imports and the guard: no loops, no files, no parsing."""
    definitions = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    allowed = (*definitions, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.If)
    for node in ast.parse(path.read_text()).body:
        assert isinstance(node, allowed), f"{path}:{node.lineno}"
        assert "parse_args" not in ast.dump(node) or isinstance(node, (ast.FunctionDef, ast.ClassDef)), path


def test_importing_the_library_loads_nothing_heavy():
    code = "import sys, json, betwixt; print(json.dumps(sorted(sys.modules)))"
    modules = json.loads(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    )
    assert not {"torch", "numpy", "PIL", "huggingface_hub", "gradio"} & set(modules)


def test_public_names_are_there():
    import betwixt

    for name in betwixt.__all__:
        assert getattr(betwixt, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = betwixt.Nothing


def test_no_file_is_a_drawer_for_everything():
    names = {path.stem for path in SOURCES}
    assert not names & {"utils", "helpers", "common", "misc"}
    for path in SOURCES:
        assert "import *" not in path.read_text() or path.name == "test_design.py", path


def test_torch_load_never_unpickles_code():
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                "torch.load",
                "pickle.load",
                "pickle.loads",
            ):
                keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                assert keywords.get("weights_only") == "True", f"{path}:{node.lineno}"


def test_published_folder_is_small_and_clean():
    files = [path for path in (ROOT / "hub_upload").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) < 30_000_000
    for model in (ROOT / "hub_upload" / "models").iterdir():
        names = {path.name for path in model.iterdir()} - {"samples.webp", "directions.json"}
        assert names == {"README.md", "config.json", "model.safetensors"}
    for path in files:
        assert path.suffix in (".py", ".json", ".md", ".safetensors", ".parquet", ".webp"), path
        assert path.suffix != ".safetensors" or path.stat().st_size < 6_000_000, path


def test_spaces_do_not_pin_what_the_platform_sets():
    for path in (ROOT / "spaces").rglob("requirements.txt"):
        listed = {re.split(r"[<>=\[ ]", line)[0].lower() for line in path.read_text().splitlines() if line.strip()}
        assert not listed & {"gradio", "spaces", "huggingface_hub", "huggingface-hub"}
        assert "torchvision" in listed


def test_readme_shows_the_measured_figures():
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "figures.py"), "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
