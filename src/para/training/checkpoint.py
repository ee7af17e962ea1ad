"""The state to resume a training run from, exactly."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from para.atomic import write_file
from para.config import from_json, to_json
from para.dataset import SampleTable
from para.policy import CheckpointError, PolicyNetwork
from para.training.config import TrainConfig


class Ema:
    """Moving average of a network's weights; young averages forget faster: decay_t = min(decay, (1 + t) / (10 + t)).

    Weights that are not trained are the network's own, not copies: they may be gigabytes.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay, self.steps = decay, 0
        self._still = {k for k, v in network.named_parameters(remove_duplicate=False) if not v.requires_grad}
        self.state = {k: v if k in self._still else v.clone() for k, v in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take one step's weights in."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        now = {name: value for name, value in network.state_dict().items() if name not in self._still}
        averaged = [name for name, value in now.items() if value.dtype.is_floating_point]
        # All in one call, as a GPU's time here goes into starting each.
        torch._foreach_lerp_([self.state[name] for name in averaged], [now[name] for name in averaged], 1 - decay)
        for name in now.keys() - set(averaged):
            self.state[name].copy_(now[name])

    @torch.no_grad()
    def load(self, state: dict[str, torch.Tensor], steps: int) -> None:
        """Go on from an average that was saved, on whatever device it is."""
        for name, value in self.state.items():
            value.copy_(state[name])
        self.steps = steps


def start_hash(folder: Path) -> str:
    """12 hex digits of the weights that a run begins with. CheckpointError when `folder` is no policy."""
    return hashlib.sha256(_weights(folder).read_bytes()).hexdigest()[:12]


def _weights(folder: Path) -> Path:
    path = folder / "model.safetensors"
    if not path.exists():
        raise CheckpointError(f"{folder} is not a saved policy to begin with: there is no {path.name} in it")
    return path


def load_backbone(network: PolicyNetwork, folder: Path) -> None:
    """Begin with the backbone of a saved policy. CheckpointError when it is no policy or another kind of backbone.

    Low-rank corrections begin at nothing where the saved backbone has none.
    """
    path = _weights(folder)
    weights = {k.removeprefix("backbone."): v for k, v in load_file(path).items() if k.startswith("backbone.")}
    for name, value in network.backbone.state_dict().items():
        plain = name.replace(".base_layer.", ".")  # as peft names the weights that it corrects
        if plain != name and plain in weights:
            weights[name] = weights.pop(plain)
        elif ".lora_" in name and name not in weights:
            weights[name] = value
    try:
        network.backbone.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(f"{folder}: its backbone is not the one to begin with: {error}") from error


def fingerprint(samples: SampleTable) -> str:
    """Of what a run learns from: every moment's numbers and sentence, to 0.0001 of their units. Not of the pictures, which
    another decoder may round otherwise."""
    digest = hashlib.sha256(json.dumps(samples.instruction).encode())
    for field in dataclasses.fields(samples):
        if field.name not in ("images", "instruction"):
            whole = np.round(1e4 * np.nan_to_num(np.asarray(getattr(samples, field.name), np.float64)))
            digest.update(f"{field.name} {whole.shape}".encode() + (whole + 0.0).tobytes())  # + 0.0: no negative zeros
    return f"{_FINGERPRINTS}:{digest.hexdigest()[:12]}"


_FINGERPRINTS = 2
"""The way in which fingerprints are made; those made in another way say nothing."""


def save_state(
    path: Path,
    config: TrainConfig,
    data: str,
    step: int,
    objective: nn.Module,
    ema: Ema,
    optimizer: torch.optim.Optimizer,
    began_with: str = "",
) -> None:
    """Write everything that the next step depends on; the file appears whole. `data` is the `fingerprint` of what is learned
    from, `began_with` the hash of the policy whose backbone it began with; `objective` holds the network as `network`."""
    whole = objective.state_dict()
    state = {
        "config": json.dumps(to_json(config)),
        "data": data,
        "began_with": began_with,
        "step": step,
        "network": objective.network.state_dict(),
        "objective": {k: v for k, v in whole.items() if not k.startswith("network.")},
        "ema": ema.state,
        "ema_steps": ema.steps,
        "optimizer": optimizer.state_dict(),
    }
    write_file(path, lambda partial: torch.save(state, partial))


def is_finished(folder: Path, config: TrainConfig, data: str, began_with: str = "") -> bool:
    """Whether `folder` holds the policy that this very training ends with; its state.pt may be gone.

    CheckpointError when there is no state and the policy is of another training: it would be written over.
    """
    saved = folder / "policy/config.json"
    if not saved.exists():
        return False
    try:
        made_by = json.loads(saved.read_text()).get("provenance", {})
    except json.JSONDecodeError:
        return False
    if made_by.get("training") is None:
        return False
    try:
        _refuse_another(made_by["training"], config, saved)
        _refuse_other_data(made_by.get("data"), data, saved)
        _refuse_other_start(made_by.get("began_with"), began_with, saved)
    except CheckpointError:
        if (folder / "state.pt").exists():
            return False  # whose own configuration decides
        raise
    return True


def load_state(
    path: Path,
    config: TrainConfig,
    data: str,
    objective: nn.Module,
    ema: Ema,
    optimizer: torch.optim.Optimizer,
    began_with: str = "",
) -> int:
    """Restore; returns the number of steps done. CheckpointError when the run was of another configuration, of other data than
    those of the fingerprint `data`, or began with another backbone."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, pickle.UnpicklingError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{path} cannot be read ({why}). Delete it to train from the start.") from None
    _refuse_another(json.loads(state["config"]), config, path)
    _refuse_other_data(state.get("data"), data, path)
    _refuse_other_start(state.get("began_with"), began_with, path)
    objective.network.load_state_dict(state["network"])
    objective.load_state_dict(state["objective"], strict=False)  # its own buffers; the network's are loaded above
    ema.load(state["ema"], state["ema_steps"])
    optimizer.load_state_dict(state["optimizer"])
    return state["step"]


def _refuse_another(description: Any, config: TrainConfig, path: Path) -> None:
    """CheckpointError unless `description`, read from `path`, is this configuration."""
    try:  # through the type: a run from before a field was added has that field's default
        then = from_json(TrainConfig, description, str(path))
    except ValueError as error:
        raise CheckpointError(
            f"{path} belongs to a run of another version, whose configuration this one does not know ({error}). "
            "Train into a new folder, or delete this one to start again."
        ) from None
    saved, now = _what_is_learned(then), _what_is_learned(config)
    if saved != now:
        raise CheckpointError(
            f"{path} belongs to a run with another configuration (first difference: {_difference(saved, now)}). "
            "Train into a new folder, or delete this one to start again."
        )


def _refuse_other_data(then: str | None, now: str, path: Path) -> None:
    if then is not None and then != now and then.split(":")[0] == now.split(":")[0]:
        raise CheckpointError(
            f"{path} belongs to a run on other demonstrations than these (fingerprint {then} there, {now} now). "
            "Train into a new folder, or delete this one to start again."
        )


def _refuse_other_start(then: str | None, now: str, path: Path) -> None:
    if then is not None and then != now:  # runs from before it was kept say nothing
        there, here = (f"the backbone of policy {start}" if start else "fresh weights" for start in (then, now))
        raise CheckpointError(
            f"{path} belongs to a run that began with {there}, not with {here}. Train into a new folder, or delete this one to "
            "start again."
        )


def _what_is_learned(config: TrainConfig) -> dict[str, Any]:
    """The configuration without what suits the machine that it runs on and changes rounding at most."""
    return {
        k: v for k, v in to_json(config).items() if k not in ("precision", "loader_workers", "save_every", "log_every")
    }


def _difference(a: Any, b: Any, where: str = "") -> str:
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted(set(a) | set(b)):
            if a.get(key) != b.get(key):
                return _difference(a.get(key), b.get(key), f"{where}.{key}".lstrip("."))
    return f"{where}: {a!r} there, {b!r} now"
