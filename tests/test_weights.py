"""State dicts are read as arrays, and nothing but arrays."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pellucid.errors import FormatError
from pellucid.formats import weights
from pellucid.formats.weights import read_state_dict, write_state_dict

ARRAYS = {
    "conv.weight": np.arange(6, dtype=np.float32).reshape(1, 1, 2, 3),
    "conv.bias": np.array([0.5], np.float32),
}


def tensors() -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array.copy()) for name, array in ARRAYS.items()}


def assert_same(received: dict[str, np.ndarray]) -> None:
    assert received.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert received[name].dtype == np.float32
        np.testing.assert_array_equal(received[name], array)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_state_dict(tmp_path / "a.safetensors", ARRAYS)
    assert_same(read_state_dict(tmp_path / "a.safetensors"))


@pytest.mark.parametrize("kind", [torch.float16, torch.float64])
def test_other_floats_become_float32_and_counters_are_left_out(tmp_path: Path, kind: torch.dtype) -> None:
    content = {name: tensor.to(kind) for name, tensor in tensors().items()}
    content["norm.num_batches_tracked"] = torch.tensor(3)
    save_file(content, tmp_path / "a.safetensors")
    torch.save(content, tmp_path / "a.pth")
    assert_same(read_state_dict(tmp_path / "a.safetensors"))
    assert_same(read_state_dict(tmp_path / "a.pth"))


def test_the_weights_of_a_training_scripts_checkpoint_are_found(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "state_dict": tensors()}, tmp_path / "a.pt")
    assert_same(read_state_dict(tmp_path / "a.pt"))


class Hostile:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("was-here"),))


def test_code_in_a_pth_file_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"a": Hostile()}, "a.pth")
    Path("b.pth").write_bytes(pickle.dumps(Hostile()))
    for name in ("a.pth", "b.pth"):
        with pytest.raises(FormatError, match=f"^{name}: torch cannot read it as weights: "):
            read_state_dict(name)
    assert not Path("was-here").exists()


@pytest.mark.parametrize("content", [[1, 2], {"a": 3}, {4: torch.zeros(1)}])
def test_what_is_no_state_dict_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(FormatError, match=r"a\.pth: (expects a state dict|a state dict holds tensors)"):
        read_state_dict(tmp_path / "a.pth")


@pytest.mark.parametrize("ending", ["safetensors", "pth"])
def test_a_truncated_file_is_refused(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"a.{ending}"
    if ending == "pth":
        torch.save(tensors(), file)
    else:
        write_state_dict(file, ARRAYS)
    whole = file.read_bytes()
    for length in (0, 7, 100, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(FormatError, match=str(file)) as caught:
            read_state_dict(file)
        assert len(str(caught.value).splitlines()) == 1


def test_brain_floats_are_named(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(2, dtype=torch.bfloat16)}, tmp_path / "a.safetensors")
    with pytest.raises(FormatError, match="a: arrays of type BF16 are not read; save it as F32"):
        read_state_dict(tmp_path / "a.safetensors")


def test_missing_files_and_other_formats_are_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"a\.pth: no such file"):
        read_state_dict(tmp_path / "a.pth")
    (tmp_path / "a.h5").write_bytes(b"x")
    with pytest.raises(FormatError, match=r"weights are read from \.safetensors, \.pth and \.pt files"):
        read_state_dict(tmp_path / "a.h5")
    with pytest.raises(FormatError, match="not a file"):
        read_state_dict(tmp_path)


def test_without_torch_a_pth_file_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save(tensors(), tmp_path / "a.pth")
    monkeypatch.setattr(weights, "has_torch", lambda: False)
    with pytest.raises(FormatError, match=r"pip install 'pellucid\[torch\]'"):
        read_state_dict(tmp_path / "a.pth")
