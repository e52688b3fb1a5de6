"""Every recipe as its users run it: a few steps, loaded, measured, published; and what bad input gets."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from conftest import ROOT, SMALL_RECIPE
from hub_server import TOKEN
from loop import last_checkpoint
from tables import encode_again, read_dataset

from betwixt import ClassifierEnsemble, ConvAutoencoder, ImageClassifier, metrics
from betwixt.images import from_bytes


def error_of(done) -> str:
    """The one line that a failed recipe ends with."""
    assert done.returncode in (1, 2), done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


def test_photos_become_a_dataset(small_run, small_photos):
    splits = {name: read_dataset(str(small_run / "runs/datasets/small"), name, 32) for name in ("train", "test")}
    assert splits["train"].class_names == ["clock", "crocodile", "neither"]
    assert sum(map(len, splits.values())) == 40 + 40 + 20 + 10
    assert 8 <= len(splits["test"]) <= 38
    assert {"photos", "other", "textures"} == {
        source for table in splits.values() for source in table.columns["source"]
    }
    card = (small_run / "runs/datasets/small/README.md").read_text()
    assert "near-duplicates" in card


def test_bad_files_are_named_and_skipped(tmp_path, small_photos, run_recipe):
    source = tmp_path / "mixed"
    shutil.copytree(small_photos, source)
    (source / "clock" / "zero.png").touch()
    (source / "clock" / "text.jpg").write_text("no picture")
    (source / "clock" / "notes.txt").write_text("left alone")
    (source / "crocodile" / "half.png").write_bytes((source / "crocodile" / "00.png").read_bytes()[:200])
    (source / "crocodile" / "deeper").mkdir()
    shutil.copy(source / "crocodile" / "00.png", source / "crocodile" / "deeper" / "copy.png")
    done = run_recipe(
        tmp_path,
        "make_clocks_crocodiles.py",
        "--name",
        "mixed",
        "--source",
        "folder",
        source,
        "--textures",
        "0",
    )
    skipped = [line for line in done.stderr.splitlines() if line.startswith("skipped")]
    assert len(skipped) == 3
    assert all(name in done.stderr for name in ("zero.png: The file is empty", "text.jpg", "half.png"))
    tables = [read_dataset(str(tmp_path / "runs/datasets/mixed"), split, 32) for split in ("train", "test")]
    assert sum(map(len, tables)) == 81
    group_of = {
        (table.class_names[label], file): (split, group)
        for split, table in enumerate(tables)
        for label, file, group in zip(table.labels, table.columns["file"], table.columns["group"], strict=True)
    }
    assert group_of["crocodile", "deeper/copy.png"] == group_of["crocodile", "00.png"]
    assert "have near-duplicates" in done.stdout


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (["folder", "absent"], "absent/clock: no pictures"),
        (["folder", "one"], "one/crocodile: no pictures"),
        (["folder"], "--source must be rendered, folder PATH or hub ID"),
        (["rendered", "more"], "--source must be"),
    ],
)
def test_folders_that_cannot_be_used(tmp_path, small_photos, run_recipe, source, message):
    shutil.copytree(small_photos / "clock", tmp_path / "one" / "clock")
    done = run_recipe(tmp_path, "make_clocks_crocodiles.py", "--name", "x", "--source", *source, check=False)
    assert message in error_of(done)
    assert not (tmp_path / "runs/datasets/x").exists()


def test_rendered_dataset_survives_a_kill(tmp_path, run_recipe):
    options = ["--count", "6", "--morphs", "3", "--textures", "2", "--image-size", "32"]
    run_recipe(tmp_path, "make_clocks_crocodiles.py", "--name", "straight", *options)
    command = [sys.executable, str(ROOT / "training/make_clocks_crocodiles.py"), "--name", "killed", *options]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
    datasets = tmp_path / "runs/datasets"
    while not list(datasets.glob(".killed.parts/clock-*.parquet")) and process.poll() is None:
        time.sleep(0.005)
    process.kill()
    process.wait()
    assert not (datasets / "killed").exists()
    again = run_recipe(tmp_path, "make_clocks_crocodiles.py", "--name", "killed", *options)
    assert "6 clock" not in again.stderr
    assert "6 neither" in again.stderr
    for split in ("train", "test", "morphs"):
        name = f"data/{split}-00000-of-00001.parquet"
        assert (datasets / "killed" / name).read_bytes() == (datasets / "straight" / name).read_bytes()
    assert sorted(path.name for path in datasets.iterdir()) == ["killed", "straight"]
    excerpt = ["--excerpt", "few", "--excerpt-count", "2", "--excerpt-quality", "100"]
    run_recipe(tmp_path, "make_clocks_crocodiles.py", "--name", "straight", *options, *excerpt)
    few, whole = ({s: pictures_of(datasets / name, s) for s in ("train", "test")} for name in ("few", "straight"))
    assert len(few["train"]) + len(few["test"]) == 6
    assert few["train"] < whole["train"]
    assert few["test"] <= whole["test"]
    morphs = read_dataset(str(datasets / "killed"), "morphs", 32)
    assert len(morphs) == 3
    assert all(0 < t < 1 for t in morphs.columns["t"])
    assert set(read_dataset(str(datasets / "killed"), "train", 32).columns["t"]) <= {0.0, 1.0, None}


def test_an_excerpt_is_stored_in_fewer_bytes(tmp_path, run_recipe):
    options = ["--count", "4", "--morphs", "3", "--textures", "2", "--image-size", "32"]
    excerpt = ["--excerpt", "few", "--excerpt-count", "3", "--excerpt-quality"]
    for quality in ("100", "60"):
        run_recipe(tmp_path, "make_clocks_crocodiles.py", "--name", f"all-{quality}", *options, *excerpt, quality)
        (tmp_path / "runs/datasets/few").rename(tmp_path / "runs/datasets" / quality)
    exact, smaller = (tmp_path / "runs/datasets" / quality for quality in ("100", "60"))
    assert "3 of each class, in lossless WebP." in (exact / "README.md").read_text()
    assert "3 of each class, in WebP of quality 60." in (smaller / "README.md").read_text()
    for file in sorted((exact / "data").iterdir()):
        before, after = (pq.read_table(folder / "data" / file.name) for folder in (exact, smaller))
        assert before.schema.equals(after.schema, check_metadata=True)
        assert before.drop_columns("image").equals(after.drop_columns("image"))
        pictures = zip(before["image"].to_pylist(), after["image"].to_pylist(), strict=True)
        assert all(encode_again(old["bytes"], 60) == new["bytes"] for old, new in pictures)


def pictures_of(folder: Path, split: str) -> set[bytes]:
    """The content of a split that may be empty."""
    try:
        return {picture.numpy().tobytes() for picture in read_dataset(str(folder), split, 32).pixels}
    except FileNotFoundError:
        return set()


def test_any_image_dataset_on_the_hub(tmp_path, small_run, hub, clients):
    push = (
        "import datasets\n"
        f"loaded = datasets.load_dataset({str(small_run / 'runs/datasets/small')!r})\n"
        "loaded = loaded.remove_columns([c for c in loaded['train'].column_names if c not in ('image', 'label')])\n"
        "loaded.rename_columns({'image': 'img', 'label': 'fine_label'}).push_to_hub('owner/cifar')\n"
    )
    pushed = clients.run(push)
    assert pushed.returncode == 0, pushed.output
    options = ["--name", "pulled", "--textures", "0", "--num-neither", "7"]
    script = ROOT / "training" / "make_clocks_crocodiles.py"
    home = tmp_path / "datasets"
    done = clients.run_script(script, *options, "--source", "hub", "owner/cifar", HF_DATASETS_CACHE=str(home))
    assert done.returncode == 0, done.output
    assert TOKEN not in done.output
    absent = clients.run_script(script, *options, "--source", "hub", "owner/absent", HF_DATASETS_CACHE=str(home))
    assert absent.returncode == 1
    assert absent.stderr.strip().splitlines()[-1].startswith("error: owner/absent could not be loaded")
    wrong = clients.run_script(
        script,
        *options,
        "--source",
        "hub",
        "owner/cifar",
        "--class-names",
        "cat",
        "dog",
        HF_DATASETS_CACHE=str(home),
    )
    assert "no image column and label column naming ['cat', 'dog']" in wrong.stderr


@pytest.mark.parametrize(
    "options",
    [
        ["--architecture", "shallow"],
        ["--architecture", "cnn", "--num-convolutions", "3", "--classes", "clock", "crocodile"],
        ["--architecture", "mobilenetv3_small_050", "--network-size", "64", "--freeze"],
        ["--architecture", "torchvision/squeezenet1_0", "--network-size", "64"],
        ["--architecture", "resnet9", "--fold", "1", "--precision", "fp32"],
    ],
    ids=lambda options: options[1],
)
def test_every_architecture_trains_and_loads(small_run, run_recipe, options):
    name = f"trial-{options[1].replace('/', '-')}"
    steps = ["--dataset", "small", "--base-channels", "4", "--steps", "4", "--batch-size", "8"]
    run_recipe(small_run, "train_classifier.py", "--name", name, *steps, *options)
    model = ImageClassifier.from_pretrained(last_checkpoint(small_run / "runs" / name) / "model")
    table = read_dataset(str(small_run / "runs/datasets/small"), "test", 32)
    probabilities = model.probabilities(table.pixels.float() / 127.5 - 1)
    torch.testing.assert_close(probabilities.sum(1), torch.ones(len(table)))


def test_training_learns(small_run, run_recipe):
    options = [o if o != "30" else "150" for o in SMALL_RECIPE]
    run_recipe(small_run, "train_classifier.py", "--name", "learned", *options, "--learning-rate", "0.01")
    metrics = json.loads((last_checkpoint(small_run / "runs/learned") / "metrics.json").read_text())
    assert metrics["accuracy"] > 0.8


def test_heads_for_a_trained_classifier(small_run, run_recipe):
    first = last_checkpoint(small_run / "runs/first") / "model"
    options = ["--name", "heads", "--model", first, "--dataset", "small", "--blends", "3000", "--width", "64"]
    options += ["--steps", "200", "--batch-size", "256"]
    run_recipe(small_run, "train_multilabel.py", *options)
    checkpoint = last_checkpoint(small_run / "runs/heads")
    before, after = ImageClassifier.from_pretrained(first), ImageClassifier.from_pretrained(checkpoint / "model")
    table = read_dataset(str(small_run / "runs/datasets/small"), "test", 32)
    x = from_bytes(table.pixels)
    torch.testing.assert_close(after.probabilities(x), before.probabilities(x))
    yes = after.multilabel_probabilities(x)
    for column, name in enumerate(after.class_names):
        assert metrics.area_under_curve(yes[:, column], table.labels == table.class_names.index(name)) > 0.75
    recipe = json.loads((checkpoint / "recipe.json").read_text())
    assert recipe["classifier"] == json.loads((first.parent / "recipe.json").read_text())
    # What was computed is kept: without the last chunk, only that one is made again, and the heads are the same.
    chunks = sorted((small_run / "runs/heads/blends").glob("*.safetensors"))
    assert len(chunks) == 2
    written, content = chunks[0].stat().st_mtime_ns, (checkpoint / "model/model.safetensors").read_bytes()
    chunks[1].unlink()
    run_recipe(small_run, "train_multilabel.py", *options)
    assert chunks[0].stat().st_mtime_ns == written
    assert (checkpoint / "model/model.safetensors").read_bytes() == content
    changed = run_recipe(small_run, "train_multilabel.py", *options, "--both", "0.5", check=False)
    assert "was begun with other settings (both)" in error_of(changed)


def test_an_ensemble_lets_a_small_share_of_the_other_class_pass(small_run, run_recipe):
    first = last_checkpoint(small_run / "runs/first") / "model"
    options = ["--model", first, "--dataset", "small", "--blends", "300", "--both", "0", "--width", "16"]
    for seed in ("0", "1"):
        run_recipe(
            small_run, "train_multilabel.py", "--name", f"judge-{seed}", *options, "--steps", "60", "--seed", seed
        )
    options = ["--name", "judges", "--dataset", "small", "--share", "0.2", "--members", "judge-0"]
    run_recipe(small_run, "train_ensemble.py", *options, "judge-1")
    checkpoint = last_checkpoint(small_run / "runs/judges")
    model = ClassifierEnsemble.from_pretrained(checkpoint / "model")
    table = read_dataset(str(small_run / "runs/datasets/small"), "test", 32)
    yes = model.multilabel_probabilities(from_bytes(table.pixels))
    for name, other in (("clock", "crocodile"), ("crocodile", "clock")):
        passing = model.says_yes(yes[table.labels == table.class_names.index(other)], [name])
        assert passing.float().mean() == pytest.approx(0.2, abs=0.1)
    neither = model.says_yes(yes[table.labels == table.class_names.index("neither")], ["neither"])
    assert neither.float().mean() == pytest.approx(0.8, abs=0.1)
    assert set(json.loads((checkpoint / "recipe.json").read_text())["recipes"]) == {"judge-0", "judge-1"}


def test_pretrained_weights_from_the_given_file(small_run, run_recipe, photos):
    weights = photos / "imagenet_squeezenet" / "squeezenet1_0.pth"
    options = [
        "--dataset",
        "small",
        "--architecture",
        "torchvision/squeezenet1_0",
        "--network-size",
        "64",
        "--freeze",
    ]
    options += ["--steps", "2", "--batch-size", "8", "--ema", "0", "--weights", weights]
    run_recipe(small_run, "train_classifier.py", "--name", "pretrained", *options)
    model = ImageClassifier.from_pretrained(last_checkpoint(small_run / "runs/pretrained") / "model")
    original = torch.load(weights, weights_only=True)
    assert torch.equal(
        model.network.state_dict()["features.12.expand3x3.weight"], original["features.12.expand3x3.weight"]
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--dataset", "small", "--wings", "2"], "unrecognized arguments: --wings 2"),
        (["--dataset", "small", "--dropout", "2"], "--dropout must be from 0.0 to 0.95, not 2.0"),
        (["--dataset", "small", "--precision", "fp8"], "invalid choice: 'fp8'"),
        (["--dataset", "small", "--architecture", "resnet10"], "error: unknown architecture 'resnet10'"),
        (["--dataset", "nowhere"], "nowhere"),
        (["--dataset", "small", "--weights", "no.pth"], "cannot read weights from no.pth"),
    ],
)
def test_wrong_options_give_one_line(small_run, run_recipe, options, message):
    done = run_recipe(small_run, "train_classifier.py", "--name", "wrong", *options, check=False)
    assert message in error_of(done)
    assert not (small_run / "runs/wrong").exists()


def test_dry_run_prints_the_configuration_and_stops(small_run, run_recipe):
    done = run_recipe(
        small_run, "train_classifier.py", "--name", "dry", "--preset", "small", "--epochs", "3", "--dry-run"
    )
    configuration = json.loads(done.stdout)
    assert configuration["epochs"] == 3
    assert configuration["base_channels"] == 8
    assert configuration["learning_rate"] == 3e-3
    assert not (small_run / "runs/dry").exists()


def test_comparison_names_the_best_and_tests_the_others_against_it(small_run, small_photos, run_recipe):
    run_recipe(small_run, "train_classifier.py", "--name", "second", *SMALL_RECIPE, "--seed", "1")
    models = [str(last_checkpoint(small_run / "runs" / name)) for name in ("first", "second")]
    for name, model in zip(("one", "two"), models, strict=True):
        shutil.copytree(Path(model) / "model", small_run / name, dirs_exist_ok=True)
    options = ["--models", "one", "two", "--dataset", "small", "--others", small_photos / "other"]
    done = run_recipe(small_run, "evaluate_classifier.py", "compare", *options)
    found = json.loads(done.stdout)
    best = max(found["small"], key=lambda name: found["small"][name]["accuracy"]["value"])
    worse = next(name for name in ("one", "two") if name != best)
    assert f"p against {best}" in found["small"][worse]
    assert not any(key.startswith("p against") for key in found["small"][best])
    assert 0 <= found["others/other"]["one"]["called neither"]["value"] <= 1


def test_cross_validation_predicts_every_picture_unseen(small_run, run_recipe):
    options = ["--dataset", "small", "--recipes", "shallow", "--num-folds", "2", "--seeds", "1"]
    run_recipe(small_run, "evaluate_classifier.py", "cross-validate", *options)
    table = json.loads((small_run / "runs/cross_validation.json").read_text())["recipes"]["shallow"]
    assert table["pictures"] == 80
    assert table["accuracy"]["low"] <= table["accuracy"]["value"] <= table["accuracy"]["high"]
    assert 0 <= table["AUC"]["value"] <= 1
    assert not any(key.startswith("p against") for key in table)


def test_classes_of_ones_own(tmp_path, small_photos, run_recipe):
    for old, new in (("clock", "cup"), ("crocodile", "spoon")):
        shutil.copytree(small_photos / old, tmp_path / "mine" / new)
    source = ["--source", "folder", "mine", "--class-names", "cup", "spoon", "--neither", small_photos / "other"]
    run_recipe(tmp_path, "make_clocks_crocodiles.py", "--name", "cups", *source)
    run_recipe(
        tmp_path, "train_classifier.py", "--name", "cups", "--preset", "small", "--dataset", "cups", "--steps", "5"
    )
    run_recipe(tmp_path, "publish.py", "cups", "cups-classifier", "--dataset", "cups", "--output", tmp_path / "models")
    assert "| cups | cup or spoon |" in (tmp_path / "models/cups-classifier/README.md").read_text()


AUTOENCODER = ["--dataset", "small", "--base-channels", "4", "--latent-dim", "8", "--batch-size", "16"]
AUTOENCODER += ["--checkpoint-every", "20", "--precision", "fp32"]


@pytest.fixture(scope="module")
def autoencoder_run(small_run, run_recipe) -> Path:
    """runs/autoencoder of small_run: 40 steps with everything that the recipe can do."""
    options = [*AUTOENCODER, "--steps", "40", "--noise", "0.1", "--cutout", "0.2"]
    run_recipe(small_run, "train_autoencoder.py", "--name", "autoencoder", *options)
    return small_run / "runs/autoencoder"


def test_autoencoder_learns_and_its_latents_are_white(small_run, autoencoder_run):
    first, last = (json.loads((autoencoder_run / step / "metrics.json").read_text()) for step in ("000020", "000040"))
    assert last["error"] < first["error"]
    model = ConvAutoencoder.from_pretrained(autoencoder_run / "000040" / "model")
    training, test = (read_dataset(str(small_run / "runs/datasets/small"), split, 32) for split in ("train", "test"))
    with torch.inference_mode():
        z, x = model.encode(from_bytes(training.pixels)), from_bytes(test.pixels)
        error = (model(x) - x).square().mean().sqrt() * 127.5
    assert last["error"] == pytest.approx(float(error), rel=1e-4)
    torch.testing.assert_close(z.mean(0), torch.zeros(8), atol=1e-2, rtol=0)
    covariance = torch.cov(z.T)
    variances = covariance.diagonal()
    assert (covariance - torch.diag(variances)).abs().max() < 1e-2
    assert 0.5 < variances[0] <= 1
    assert torch.equal(variances, variances.sort(descending=True).values)


def test_autoencoder_beside_what_it_must_beat(small_run, autoencoder_run, run_recipe):
    model = last_checkpoint(autoencoder_run) / "model"
    run_recipe(small_run, "train_autoencoder.py", "--name", "plain", *AUTOENCODER, "--steps", "2", "--blocks", "0")
    options = ["--model", model, "--dataset", "small", "--output", "table.json"]
    run_recipe(small_run, "evaluate_autoencoder.py", "checkpoint", *options)
    table = json.loads((small_run / "table.json").read_text())
    figures = table["results"]["small"]
    training, test = (read_dataset(str(small_run / "runs/datasets/small"), split, 32) for split in ("train", "test"))
    far = (from_bytes(test.pixels) - from_bytes(training.pixels).mean(0)).square().mean().sqrt() * 127.5
    unit = "(root mean square, of 255 grey levels)"
    mean = figures[f"reconstruction error of the mean picture {unit}"]
    assert mean["value"] > figures[f"reconstruction error of PCA {unit}"]["value"]
    assert mean["low"] < mean["value"] < mean["high"]
    assert mean["value"] == pytest.approx(float(far), rel=0.02)  # the mean is of the mirror images too
    assert all(0 <= figures[f"class by a linear probe of {of}"]["value"] <= 1 for of in ("PCA", "raw pixels"))
    assert ("PCA on small in reconstruction error" in table["beaten by"]) == (
        figures[f"reconstruction error {unit}"]["value"] > figures[f"reconstruction error of PCA {unit}"]["value"]
    )
    models = ["--models", model, last_checkpoint(small_run / "runs/plain") / "model"]
    done = run_recipe(small_run, "evaluate_autoencoder.py", "compare", *models, "--dataset", "small")
    rows = json.loads(done.stdout)["small"]
    assert set(rows) == {"autoencoder", "plain", "PCA", "the mean picture", "raw pixels"}
    assert rows["autoencoder"][f"reconstruction error {unit}"] == figures[f"reconstruction error {unit}"]
    assert 0 < rows["plain"]["p of reconstruction error against autoencoder"] <= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--wings", "2"], "unrecognized arguments: --wings 2"),
        (["--image-size", "36"], "error: image_size 36 cannot be halved 3 times"),
        (["--classes", "clock", "cup"], "cup"),
    ],
)
def test_wrong_options_of_the_autoencoder(small_run, run_recipe, options, message):
    done = run_recipe(small_run, "train_autoencoder.py", "--name", "wrong", *AUTOENCODER, *options, check=False)
    assert message in error_of(done)
    assert not (small_run / "runs/wrong").exists()


def test_publishing_an_autoencoder(small_run, small_photos, autoencoder_run, run_recipe, tmp_path):
    options = ["autoencoder", "small-coder", "--dataset", "small", "--output", tmp_path]
    run_recipe(small_run, "publish.py", *options)
    folder = tmp_path / "small-coder"
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    card = (folder / "README.md").read_text()
    assert "pipeline_tag: image-feature-extraction" in card
    assert "| small | structural similarity of PCA |" in card
    assert "`training/train_autoencoder.py` with" in card
    assert "trained from scratch" in card
    names = run_usage(card, folder, small_photos / "clock" / "00.png")
    assert names["model"].embed([names["image"]]).shape == (1, 8)


def run_usage(card: str, folder: Path, photo: Path) -> dict:
    """Run the lines that a card shows, with the folder and a photo put in."""
    lines = card.split("```python\n")[1].split("```")[0]
    names: dict = {}
    exec(lines.replace(f"betwixt/{folder.name}", str(folder)).replace("photo.jpg", str(photo)), names)
    return names


def test_publishing_measures_what_it_publishes(small_run, small_photos, run_recipe, tmp_path):
    options = [
        "first",
        "small-net",
        "--dataset",
        "small",
        "--others",
        small_photos / "other",
        "--output",
        tmp_path / "models",
    ]
    run_recipe(small_run, "publish.py", *options)
    folder = tmp_path / "models/small-net"
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    model = ImageClassifier.from_pretrained(folder)
    test = read_dataset(str(small_run / "runs/datasets/small"), "test", 32)
    accuracy = (model.probabilities(test.pixels.float() / 127.5 - 1).argmax(1) == test.labels).float().mean()
    card = (folder / "README.md").read_text()
    assert f"| small | accuracy | {float(accuracy):.3f} |" in card
    assert "others/other" in card
    assert str(Path.cwd()) not in card
    assert run_usage(card, folder, small_photos / "clock" / "00.png")["model"].class_names == model.class_names
    missing = run_recipe(small_run, "publish.py", "absent", *options[1:], check=False)
    assert "runs/absent has no checkpoint" in error_of(missing)
