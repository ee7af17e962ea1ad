"""The one training loop: any policy, any number of processes, stopped and resumed at will.

Several processes, one for each GPU, train one policy faster: ``torchrun --standalone --nproc-per-node 8 -m para.cli train
...``, or ``accelerate launch --multi_gpu`` (with ``--cpu`` it starts a single process unless it is given MPI). Each takes its
share of every batch, the same samples with the same augmentation as one process would, and losses and gradients are means over
the whole batch, so that the number of processes changes rounding alone; only the noise that a network draws for itself
(dropout, diffusion) is each process's own.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import platform
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import torch

from para.atomic import remove_stale
from para.config import to_json
from para.dataset import Batch, BatchStream, ClipPlan, SampleTable
from para.geometry import Camera, Pose
from para.heads import mean_over_processes
from para.policy import Policy, PolicyNetwork, check_scene
from para.training.allocator import keep_freed_memory
from para.training.checkpoint import Ema, fingerprint, is_finished, load_backbone, load_state, save_state, start_hash
from para.training.confidence import calibrate, held_out
from para.training.config import TrainConfig
from para.training.first_batch import draw_first_batch
from para.training.precision import denormals_are_zeros, resolved
from para.training.progress import Progress, keep_log
from para.training.stop import Stop


@denormals_are_zeros()
def train(
    config: TrainConfig,
    samples: SampleTable,
    folder: Path,
    resume: bool = True,
    provenance: dict[str, object] | None = None,
    tracker: str | None = None,
    quiet: bool = False,
    start_from: Path | None = None,
) -> Policy:
    """Train and save into `folder`: policy/, log.jsonl, first_batch.png, and state.pt to resume from.

    Configuration and samples belong together; what the command line does is::

        config = presets.for_demos(presets.policy_preset("para"), demos.meta)
        samples = build_samples(demos, config.policy.camera, config.policy.horizon, config.stride)
        train(presets.fitted(config, samples), samples, folder)  # unfitted heads know no reach and normalise nothing

    A finished folder is returned as it is, also when its policy alone is left; CheckpointError where it is of another
    configuration. Without `resume` it is emptied of the earlier policy and state when the first step begins. Ctrl-C saves
    the state first. A few demonstrations are held out (`TrainConfig.holdout_every`) and calibrate the policy's confidence at
    the end. `start_from` is a saved policy with the same backbone, whose backbone's weights a new run begins with. `tracker`
    is an Accelerate tracker's name (``wandb``, ``tensorboard``) for those who want one beside the JSONL log;
    ModuleNotFoundError where it is not installed. Of several processes the
    first one writes, and its policy alone is calibrated; ValueError where the batch does not divide over them.
    """
    from accelerate import Accelerator  # here, because it takes a second to import and only training needs it

    # Accelerate would go on without.
    if tracker in ("wandb", "tensorboard") and importlib.util.find_spec(tracker) is None:
        raise ModuleNotFoundError(f"to log with {tracker}, install it: pip install 'para-policy[{tracker}]'")
    _check_scenes(samples, config)
    data = fingerprint(samples)
    began_with = "" if start_from is None else start_hash(start_from)
    if resume and is_finished(folder, config, data, began_with):
        return Policy.from_pretrained(folder / "policy", "cuda" if torch.cuda.is_available() else "cpu")
    keep_freed_memory()
    folder.mkdir(parents=True, exist_ok=True)
    launched = int(os.environ.get("WORLD_SIZE", 1))
    on_cpus = launched > 1 and not torch.cuda.is_available()  # Accelerate has to be told
    accelerator = Accelerator(cpu=on_cpus, log_with=tracker, project_dir=str(folder), mixed_precision="no")
    if accelerator.num_processes != launched:
        raise ValueError(
            f"{launched} processes were launched, and this one finds {accelerator.num_processes} of them: each would train "
            f"by itself into {folder}. Launch with torchrun, on GPUs that torch can use or on CPUs"
        )
    torch.manual_seed(config.seed)
    network = PolicyNetwork(config.policy).to(accelerator.device)
    if start_from is not None:
        load_backbone(network, start_from)
    objective = config.objective.build(network)
    optimizer = _optimizer(network, config)
    ema = Ema(network, config.ema_decay)
    state_path = folder / "state.pt"
    start = (
        load_state(state_path, config, data, objective, ema, optimizer, began_with)
        if resume and state_path.exists()
        else 0
    )
    model, optimizer = accelerator.prepare(objective, optimizer)
    if tracker:
        accelerator.init_trackers("para", config=json.loads(json.dumps(to_json(config), default=str)))

    apart = held_out(samples.episode, config.holdout_every)
    frames = config.objective.clip_frames(config.policy)
    if frames > 1 and (config.augmentation.erase or config.augmentation.shapes):
        raise ValueError("erase and shapes are drawn into single pictures; this training shows clips")
    stream = BatchStream(
        samples,
        config.augmentation,
        config.policy.image_size,
        config.batch_size,
        config.seed,
        accelerator.process_index,
        accelerator.num_processes,
        config.policy.framing,
        np.flatnonzero(~apart),
        ClipPlan(frames, config.stride) if frames > 1 else None,
    )
    main, precision = accelerator.is_main_process, resolved(config.precision, accelerator.device)
    if not resume and main:  # or what resumes this run later would find the earlier one, finished
        state_path.unlink(missing_ok=True)
        if (folder / "policy/config.json").exists():
            shutil.rmtree(folder / "policy")
    if main:
        remove_stale(state_path)
    if start == 0 and main:
        draw_first_batch(stream[0], network, folder / "first_batch.png")
    if main:
        keep_log(folder / "log.jsonl", start)
    progress = Progress(folder / "log.jsonl" if main else None, config.steps, start, quiet=quiet or not main)
    batches = stream.loader(start, config.steps, config.loader_workers)
    model.train()
    step, whole = start, True
    stop = Stop(enabled=launched == 1)  # of several processes each would stop at another step, and wait for the others
    try:
        stop.listen()
        while step < config.steps:
            tick = time.perf_counter()
            batch: Batch = next(batches).to(accelerator.device)
            waited = time.perf_counter() - tick
            for group, base in zip(optimizer.param_groups, (config.backbone_learning_rate, config.learning_rate)):
                group["lr"] = base * _schedule(step, config)
            # Seeded by the step alone, so that a resumed run draws the same noise.
            torch.manual_seed((config.seed * 1_000_003 + step) * 1009 + accelerator.process_index)
            autocast = torch.autocast(accelerator.device.type, torch.bfloat16, enabled=precision == "bf16")
            whole = False  # an objective may keep running means, which the forward pass moves
            with objective.guard():
                with autocast:
                    loss = model(batch)
                accelerator.backward(loss.total)
            norm = accelerator.clip_grad_norm_(network.parameters(), config.gradient_clip)
            optimizer.step()
            optimizer.zero_grad()
            ema.update(network)
            step, whole = step + 1, True
            logged = step % config.log_every == 0 or step == config.steps
            saved = step % config.save_every == 0 and step < config.steps
            if logged or saved:  # not at every step: reading a number off a GPU waits until it has finished
                total = mean_over_processes(loss.total).item()
                if not math.isfinite(total):
                    advice = "lower the learning rate" if step > config.log_every else "`para check` the demonstrations"
                    raise FloatingPointError(f"the loss is {total} at step {step}; {advice}")
                row = {"loss": total, **{name: float(mean_over_processes(part)) for name, part in loss.parts.items()}}
                row |= {"grad_norm": float(norm), "lr": optimizer.param_groups[1]["lr"]}
                if tracker and logged:
                    accelerator.log(row, step=step)
            progress.step(step, row if logged else None, waited, time.perf_counter() - tick)
            if main and saved:
                save_state(state_path, config, data, step, objective, ema, optimizer, began_with)
            stop.check()
    except KeyboardInterrupt:
        if main and not all(p.isfinite().all() for p in network.parameters()):  # since the loss was last looked at
            print(f"\nstopped at step {step}: weights are no longer finite, so nothing is saved", file=sys.stderr)
        elif main and not whole:
            print(f"\nstopped within step {step + 1}: what was saved before stays as it is", file=sys.stderr)
        elif main:
            save_state(state_path, config, data, step, objective, ema, optimizer, began_with)
            how = "the same command" if resume else "the command without --no-resume"
            print(f"\nstopped at step {step} of {config.steps}; {how} resumes from {state_path}", file=sys.stderr)
        raise
    finally:
        batches.close()
        stop.rest()
    for opened in accelerator.trackers:
        opened.finish()  # not `end_training`, which parts the processes, too
    network.load_state_dict(ema.state)
    made_by = {"data": data, "began_with": began_with} | _made_by(
        config, accelerator.num_processes, progress.seconds, precision
    )
    policy = Policy(config.policy, network, {**(provenance or {}), **made_by})
    if main:
        if apart.any() and config.objective.teaches_actions:
            policy.calibration, measured = calibrate(
                policy, samples, np.flatnonzero(apart), config.augmentation, config.seed
            )
            policy.provenance["confidence"] = to_json(measured)
            progress.say(measured.text())
        # The state first, so that nothing is lost where the policy cannot be written.
        save_state(state_path, config, data, step, objective, ema, optimizer, began_with)
        policy.save_pretrained(folder / "policy")
        progress.close(f"trained {config.steps} steps -> {folder / 'policy'}")
    accelerator.wait_for_everyone()
    return policy


def _check_scenes(samples: SampleTable, config: TrainConfig) -> None:
    """ValueError where most moments have a camera or a hand that the trained policy would refuse to predict from."""
    wrong = []
    moments = np.unique(np.linspace(0, len(samples) - 1, 64).astype(int))
    for i in moments:
        size = samples.images.shape[2], samples.images.shape[1]
        camera = Camera(samples.intrinsics[i], Pose.from_matrix(samples.T_world_camera[i]), *size)
        hand = Pose(samples.ee_rotation[i], samples.ee_position[i])
        try:
            check_scene(camera, hand, config.policy.workspace)
        except ValueError as error:
            wrong.append(str(error))
    if len(wrong) > len(moments) / 2:
        raise ValueError(
            f"{len(wrong)} of {len(moments)} moments of the demonstrations cannot be learned from: {wrong[0]}"
        )


def _optimizer(network: PolicyNetwork, config: TrainConfig) -> torch.optim.AdamW:
    groups = [
        {"params": [p for p in network.backbone.parameters() if p.requires_grad]},
        {"params": [p for p in network.head.parameters() if p.requires_grad]},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, weight_decay=config.weight_decay)


def _schedule(step: int, config: TrainConfig) -> float:
    """Linear warm-up, then a cosine to zero."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    progress = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * progress))


def _made_by(config: TrainConfig, processes: int, seconds: float, precision: str) -> dict[str, object]:
    return {
        "training": to_json(config),
        "processes": processes,
        "training_seconds": round(seconds, 1),
        "precision": precision,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads"
        + (f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ", CPU"),
    }
