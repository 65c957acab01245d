"""The command `pellucid`: what it prints, and what it leaves behind."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cli_cases import Run, idx_folder, model_file, picture
from picture_cases import collection, folder
from PIL import Image
from training_cases import same_parameters

import pellucid
from pellucid.data import Split
from pellucid.explain import Recording
from pellucid.formats.weights import write_state_dict
from pellucid.training import evaluate


def test_the_version_and_the_help(pellucid_command: Run) -> None:
    assert pellucid_command("--version") == (0, f"pellucid {pellucid.__version__}\n", "")
    for arguments in ((), ("--help",)):
        status, output, errors = pellucid_command(*arguments)
        assert (status, errors) == (0, "")
        for command in (
            "demo",
            "train",
            "evaluate",
            "predict",
            "explain",
            "summary",
            "convert",
            "studio",
            "doctor",
        ):
            assert re.search(rf"^  {command} +[A-Z][^.]*\.$", output, re.MULTILINE), command


def test_train_prints_a_line_an_epoch_and_one_at_the_end(pellucid_command: Run) -> None:
    status, output, errors = pellucid_command("train", "mlp", "--epochs", 3, "--output", "runs/a")
    assert (status, errors) == (0, "")
    lines = output.splitlines()
    assert [line.split("  ")[0] for line in lines[:-1]] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert re.fullmatch(
        r"accuracy \d+\.\d\d% on 360 held-out images; trained \d+\.\d s at [\d,]+ images/s; "
        r"model in runs/a/model\.pellucid",
        lines[-1],
    )
    digits = pellucid.data.load("digits")
    saved = pellucid.load("runs/a/model.pellucid")
    accuracy = evaluate(saved, digits.fit((1, 28, 28)).test).accuracy
    assert lines[-1].startswith(f"accuracy {accuracy:.2%} ")
    assert saved.class_names == tuple("0123456789")


def test_a_run_has_a_folder_of_its_own_unless_told(pellucid_command: Run, tmp_path: Path) -> None:
    assert pellucid_command("train", "mlp", "--epochs", 1)[0] == 0
    assert (tmp_path / "runs" / "mlp-digits" / "model.pellucid").exists()


def test_the_command_line_changes_the_recipe(pellucid_command: Run, tmp_path: Path) -> None:
    options = "--batch-size 100 --learning-rate 0.002 --loss squared_error --optimizer adamw"
    more = "--schedule cosine --weight-decay 0.25 --seed 5 --epochs 1 --output run"
    assert pellucid_command("train", "mlp", *options.split(), *more.split())[0] == 0
    recipe = pellucid.load(tmp_path / "run" / "model.pellucid").recipe
    assert recipe == pellucid.Recipe(
        pellucid.SquaredError(), pellucid.AdamW(weight_decay=0.25), pellucid.Cosine(0.002), 100
    )


def test_a_recorded_run_can_be_looked_at_later(pellucid_command: Run, tmp_path: Path) -> None:
    options = ("--epochs", 2, "--batch-size", 500, "--output", "run", "--record")
    assert pellucid_command("train", "mlp", *options)[0] == 0
    recording = Recording(tmp_path / "run" / "recording")
    assert recording.steps == (0, 1, 2, 3, 6)
    last, saved = recording.parameters(6), pellucid.load(tmp_path / "run" / "model.pellucid").parameters
    np.testing.assert_array_equal(last["fc1.weight"], saved["fc1.weight"])
    assert pellucid_command("train", "mlp", "--output", "run", "--resume")[0] == 0
    assert Recording(tmp_path / "run" / "recording").steps == (0, 1, 2, 3, 6)


def test_resume_takes_its_settings_from_the_run(pellucid_command: Run, tmp_path: Path) -> None:
    options = ("--epochs", 2, "--seed", 5, "--batch-size", 50, "--output", "run")
    assert pellucid_command("train", "mlp", *options)[0] == 0
    status, output, errors = pellucid_command("train", "mlp", "--output", "run", "--resume")
    assert (status, errors) == (0, "")
    assert output.startswith("run: all 2 epochs are done, nothing is left to train\naccuracy ")
    status, output, errors = pellucid_command("train", "mlp", "--output", "run", "--resume", "--epochs", 3)
    assert (status, output) == (2, "")
    assert "was begun with epochs = 2, not 3" in errors


def test_a_folder_of_pictures_is_trained_on_in_the_networks_shape(
    pellucid_command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "cache"))
    path = folder(tmp_path / "animals", collection(12) | {"train/cat/bad.png": b"no picture"})
    options = ("--data", path, "--augment", "pad-crop:2,flip", "--epochs", 2, "--validation", 0.25)
    status, _, errors = pellucid_command("train", "tiny-vgg", *options)
    assert (status, errors.count("\n")) == (2, 1)
    assert "animals/train/cat/bad.png: not a picture" in errors
    status, output, errors = pellucid_command("train", "tiny-vgg", *options, "--skip-broken")
    assert (status, errors) == (0, "")
    assert output.startswith(f"skipped {path}/train/cat/bad.png: not a picture")
    assert "on 6 held-out images" in output
    model = tmp_path / "runs" / "tiny-vgg-animals" / "model.pellucid"
    saved = pellucid.load(model)
    assert saved.class_names == ("cat", "dog")
    assert saved.graph.shapes[saved.graph.inputs[0]] == (3, 64, 64)
    assert saved.recipe.augmentations == (pellucid.PadCrop(2), pellucid.Flip())
    status, output, _ = pellucid_command("evaluate", model, "--data", path, "--skip-broken")
    assert status == 0
    assert "on the 24 held-out images" in output


def test_a_model_file_trains_on(pellucid_command: Run, tmp_path: Path) -> None:
    data = idx_folder(tmp_path / "shapes")
    start = model_file(tmp_path / "start.pellucid")
    status, output, _ = pellucid_command("train", start, "--data", data, "--epochs", 2)
    assert status == 0
    assert "model in runs/start-shapes/model.pellucid" in output
    trained = pellucid.load("runs/start-shapes/model.pellucid")
    assert not same_parameters(trained, pellucid.load(start))


def test_both_engines_can_be_asked_for(pellucid_command: Run, tmp_path: Path) -> None:
    data = idx_folder(tmp_path / "shapes")
    start = model_file(tmp_path / "start.pellucid")
    for name in ("reference", "native"):
        arguments = ("train", start, "--data", data, "--epochs", 1, "--engine", name, "--output", name)
        assert pellucid_command(*arguments)[0] == 0
    first, second = (pellucid.load(f"{name}/model.pellucid") for name in ("reference", "native"))
    for name, array in first.parameters.items():
        assert np.allclose(array, second.parameters[name], atol=1e-4), name


def test_the_perceptron_learns_two_classes_by_rosenblatts_rule(pellucid_command: Run, tmp_path: Path) -> None:
    status, output, errors = pellucid_command("train", "perceptron", "--classes", "0,1", "--output", "p")
    assert (status, errors) == (0, "")
    verdict, accuracy = output.splitlines()
    assert re.fullmatch(
        r"Converged after \d+ corrections in \d+ epochs: every sample lies on its side.*", verdict
    )
    model = pellucid.load(tmp_path / "p" / "model.pellucid")
    assert model.class_names == ("0", "1")
    digits = pellucid.data.load("digits")
    for split, least in ((digits.train, 1.0), (digits.test, 0.97)):
        pair = split.subset(split.labels < 2)
        scores = np.asarray(model.predict(pair.images))[:, 0]
        share = ((scores > 0) == (pair.labels == 1)).mean()
        assert share >= least
    assert (
        accuracy
        == f"accuracy {share:.2%} on {len(pair)} held-out images of 0 and 1; model in p/model.pellucid"
    )


def test_evaluate_prints_the_figures_of_each_class_and_the_worst_mistakes(
    pellucid_command: Run, tmp_path: Path
) -> None:
    data = idx_folder(tmp_path / "shapes")
    path = model_file(tmp_path / "net.pellucid")
    status, output, errors = pellucid_command("evaluate", path, "--data", data)
    assert (status, errors) == (0, "")
    result = evaluate(pellucid.load(path), pellucid.data.load(data).test)
    assert f"on the 6 held-out images of {data}: accuracy {result.accuracy:.2%}" in output
    assert f"loss {result.loss:.4f}" in output
    table, mistakes = output.split("most confident mistakes")
    rows = [line.split() for line in table.splitlines() if re.match(r" +[012] ", line)]
    confusion = result.confusion(3)
    assert [row[:3] for row in rows] == [[str(k), "2", f"{confusion[k, k] / 2:.2%}"] for k in range(3)]
    listed = [int(line.split(":")[0]) for line in mistakes.splitlines()[1:]]
    assert listed == result.worst().tolist()
    assert len(listed) > 0


def test_evaluate_holds_out_what_the_run_held_out(pellucid_command: Run, tmp_path: Path) -> None:
    """Another split of the digits would put training images among the test."""
    _, trained, _ = pellucid_command("train", "mlp", "--epochs", 2, "--seed", 5, "--output", "run")
    status, output, _ = pellucid_command("evaluate", "run/model.pellucid")
    accuracy = trained.splitlines()[-1].split()[1]
    assert status == 0
    assert f"held-out images of digits, split by seed 5: accuracy {accuracy}," in output
    assert "split by seed 6" in pellucid_command("evaluate", "run/model.pellucid", "--seed", 6)[1]


def test_predict_prints_a_line_an_image(pellucid_command: Run, tmp_path: Path) -> None:
    path = model_file(tmp_path / "net.pellucid")
    first, second = picture(tmp_path / "a.png"), picture(tmp_path / "b.png", (12, 9))
    status, output, errors = pellucid_command("predict", path, first)
    assert (status, errors) == (0, "")
    pixels = np.asarray(Image.open(first))[None, None]
    z = np.asarray(pellucid.load(path).predict(Split(pixels, np.zeros(1, np.int64)).images))[0]
    p = np.exp(z) / np.exp(z).sum()
    names = ("circle", "cross", "star")
    assert output == f"{first}  {names[p.argmax()]} {p.max():.2%}\n"
    status, output, _ = pellucid_command("predict", path, first, second, "--resize", "--top", 3)
    lines = output.splitlines()
    assert [line.split()[0] for line in lines] == [str(first), str(second)]
    assert [word for word in lines[0].split() if word in names] == [names[k] for k in np.argsort(-p)]


def test_predict_prints_scores_where_outputs_are_scores(pellucid_command: Run, tmp_path: Path) -> None:
    net = pellucid.zoo.create("perceptron", input_shape=(1, 6, 6), engine="reference")
    net.class_names = ("no", "yes")
    net.set_parameters({"fc1.bias": [-2.5]})
    net.save(tmp_path / "p.pellucid")
    image = picture(tmp_path / "a.png")
    assert pellucid_command("predict", tmp_path / "p.pellucid", image)[1] == f"{image}  no -2.5\n"


def test_the_plan_names_every_step_and_the_memory(pellucid_command: Run) -> None:
    status, output, _ = pellucid_command("summary", "lenet5", "--plan", "--training", "--batch-size", "32")
    assert status == 0
    assert "lenet5: training, batches of 32" in output
    assert re.search(r"conv2 +filtered_\w+ +lanes +every run", output)
    assert re.search(r"[0-9.]+ MB to work in, [0-9.]+ MB of state", output)


@pytest.mark.parametrize("name", ["lenet5", "lenet5-1998"])
def test_summary_prints_the_layers_of_a_name_and_of_a_file(
    pellucid_command: Run, tmp_path: Path, name: str
) -> None:
    pellucid.zoo.create(name, engine="reference").save(tmp_path / "net.pellucid")
    outputs = [pellucid_command("summary", source) for source in (name, "net.pellucid")]
    assert outputs[0] == outputs[1]
    status, output, errors = outputs[0]
    assert (status, errors) == (0, "")
    assert {"lenet5": "61,706", "lenet5-1998": "60,000"}[name] in output


def test_doctor_prints_where_it_runs_and_what_it_finds(
    pellucid_command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path))
    monkeypatch.setenv("PELLUCID_ISA", "generic")
    monkeypatch.setenv("PELLUCID_THREADS", "3")
    status, output, errors = pellucid_command("doctor")
    assert (status, errors) == (0, "")
    facts = dict(re.split(r"  +", line, maxsplit=1) for line in output.splitlines())
    assert facts["pellucid"] == pellucid.__version__
    assert facts["NumPy"] == np.__version__
    assert (facts["chosen"], facts["threads"]) == ("generic", "3")
    assert "generic" in facts["instruction sets"].split()
    assert facts["PELLUCID_ISA"] == "generic"
    assert facts["cache"] == f"{tmp_path / 'cache'} (not made yet)"
    assert facts["MNIST"].startswith("not found")
    idx_folder(tmp_path / "mnist")
    assert f"MNIST              {tmp_path / 'mnist'}\n" in pellucid_command("doctor")[1]


def test_doctor_reports_an_instruction_set_that_cannot_be_chosen(
    pellucid_command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PELLUCID_ISA", "mmx")
    status, output, _ = pellucid_command("doctor")
    assert status == 0
    assert re.search(r"^chosen +none: PELLUCID_ISA is one of generic", output, re.MULTILINE)


def test_the_demo_trains_shows_and_says_what_to_type_next(pellucid_command: Run, tmp_path: Path) -> None:
    status, output, errors = pellucid_command("demo", "--epochs", 2)
    assert (status, errors) == (0, "")
    assert "61,706" in output
    assert re.search(r"accuracy \d+\.\d\d% on the 360 held-out digits after \d+\.\d s of training", output)
    labels = pellucid.data.load("digits").test.labels
    assert re.findall(r"label (\d)", output) == [str(label) for label in labels[:5]]
    assert "█" in output
    commands = [line.split() for line in output.splitlines() if line.startswith("  pellucid ")]
    assert [words[1] for words in commands] == ["evaluate", "studio", "summary", "predict", "train"]
    assert pellucid_command(*commands[0][1:])[0] == 0
    assert pellucid_command("demo", "--epochs", 1)[0] == 0, "it can be run again"


# ---- as a process


def process(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(Path(pellucid.__file__).parent.parent), "PATH": "", "COLUMNS": "80"}
    return subprocess.run(
        [sys.executable, "-m", "pellucid", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_process_prints_plain_lines_and_exits_with_the_status(tmp_path: Path) -> None:
    good = process("train", "mlp", "--epochs", "2", "--output", "run", folder=tmp_path)
    assert (good.returncode, good.stderr) == (0, "")
    assert "\x1b" not in good.stdout
    assert "\r" not in good.stdout
    assert len(good.stdout.splitlines()) == 3
    assert len(json.loads((tmp_path / "run" / "history.json").read_text())["epochs"]) == 2
    bad = process("train", "lenet6", folder=tmp_path)
    assert bad.returncode == 2
    near = "lenet5 or alexnet or resnet56"
    assert bad.stderr == f"pellucid: unknown network 'lenet6'; did you mean {near}?\n"


def test_a_reader_that_leaves_early_sees_no_traceback(tmp_path: Path) -> None:
    command = f"{sys.executable} -m pellucid summary lenet5 2> errors | true"
    environment = {"PYTHONPATH": str(Path(pellucid.__file__).parent.parent), "PATH": "/usr/bin:/bin"}
    subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "errors").read_text() == ""


def test_a_network_of_the_zoo_takes_weights_on_the_command_line(
    pellucid_command: Run, tmp_path: Path
) -> None:
    net = pellucid.zoo.create("conv-blocks-1-1-1-0", seed=4, engine="reference")
    write_state_dict(tmp_path / "a.safetensors", net.parameters)
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "cat.png")
    status, output, _ = pellucid_command(
        "predict", "conv-blocks-1-1-1-0@a.safetensors", "cat.png", "--engine", "reference"
    )
    best = int(np.argmax(net.predict(pixels.transpose(2, 0, 1)[None] / np.float32(255))))
    assert status == 0
    assert output.split()[:2] == ["cat.png", str(best)]
    status, _, errors = pellucid_command("predict", "lenet5", "cat.png")
    assert status != 0
    assert "lenet5 has learned nothing yet; lenet5@imagenet or lenet5@FILE has weights" in errors
