"""Control steps a second in LIBERO, in two processes of one thread each.

Three loads, each over the same layouts: physics alone (scripted expert), physics with a picture every 16 steps (what
a policy that carries out four targets of a chunk asks for), and the same with the network. Limit: 250 steps a second in
all with the network; robosuite itself makes 178 a second without any picture in one process.

    python benchmarks/rollout_speed.py            # about a minute
    python benchmarks/rollout_speed.py --preset para --seconds 20 --processes 2
"""

import argparse
import json
import multiprocessing
import os
import time

LIMIT = 250.0
PICTURE_EVERY = 16


def measure(load: str, preset: str, seconds: float, barrier) -> tuple[int, float, float]:
    """Steps, wall seconds and CPU seconds of one process under `load`."""
    import torch

    from para.worlds.libero.layout import independent_layout
    from para.worlds.libero.libero_world import LiberoWorld
    from para.worlds.libero.teacher import ScriptedTeacher

    torch.set_num_threads(1)
    world, predict = LiberoWorld((256, 256)), lambda observation: None
    teacher = ScriptedTeacher(world)
    if load == "policy":
        from para.policy import Policy, PolicyNetwork
        from para.presets import policy_preset

        config = policy_preset(preset).policy
        predict = Policy(config, PolicyNetwork(config).eval()).predict
    world.reset(independent_layout(0))
    if load != "physics":
        for _ in range(2):
            predict(world.observe())
    barrier.wait()
    steps, seed, began, cpu = 0, 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - began < seconds:
        state = world.reset(independent_layout(seed))
        teacher.reset()
        seed += 1
        while (command := teacher.act(state, world.observe)) is not None and not world.outcome().finished:
            if load != "physics" and steps % PICTURE_EVERY == 0:
                predict(world.observe())
            state = world.step(command)
            steps += 1
    return steps, time.perf_counter() - began, time.process_time() - cpu


def _child(queue, *arguments) -> None:
    queue.put(measure(*arguments))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="para")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    os.environ.update(OMP_NUM_THREADS="1", LP_NUM_THREADS="0")
    context = multiprocessing.get_context("spawn")
    print(f"load of the machine at the start: {os.getloadavg()[0]:.1f}")
    for load in ("physics", "pictures", "policy"):
        queue, barrier = context.Queue(), context.Barrier(arguments.processes)
        children = [
            context.Process(target=_child, args=(queue, load, arguments.preset, arguments.seconds, barrier))
            for _ in range(arguments.processes)
        ]
        for child in children:
            child.start()
        results = [queue.get() for _ in children]
        for child in children:
            child.join()
        rate = sum(steps / wall for steps, wall, _ in results)
        cpu = sum(c for _, _, c in results) / sum(s for s, _, _ in results)
        row = {"load": load, "steps_per_second": round(rate, 1), "cpu_ms_per_step": round(1e3 * cpu, 2)}
        if load == "policy":
            row |= {"preset": arguments.preset, "limit": LIMIT, "met": rate >= LIMIT}
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
