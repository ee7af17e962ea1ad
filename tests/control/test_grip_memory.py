"""What a policy is told of the gripper's last change, when it acts and when it learns."""

import numpy as np
import pytest

from control.toy_arm import Arm, Plans, chunk
from para.control import ChunkExecutor, ExecutorConfig
from para.dataset import grip_distances


@pytest.mark.parametrize("mode", ["servo", "realtime"])
def test_the_executor_tells_what_demonstrations_would_have_told(mode):
    arm = Arm()
    path = [[0.0, 0.0, 0.3 - 0.05 * k] for k in range(3)] + [[0.0, 0.02 * k, 0.2] for k in range(3)]
    plan = Plans(
        chunk(path, [1, 1, 0, 0, 0, 0]), chunk([[0.1, 0, 0.3]] * 6, [0] * 6), chunk([[0.1, 0, 0.2]] * 6, [1] * 6)
    )
    seen, asked = [], plan.predict
    plan.predict = lambda observation: (seen.append((arm.steps, observation.state.grip_distance)), asked(observation))[
        1
    ]
    executor = ChunkExecutor(plan, ExecutorConfig(mode, execute=4, latency=0.05))
    positions, commands = [], []
    for _ in range(150):
        command = executor.act(arm.state(), arm.observe)
        positions.append(arm.position)
        commands.append(command.gripper)
        arm.step(command)
    told = grip_distances(np.array(positions), np.array(commands))
    assert len(seen) > 4 and np.isinf(told[0]) and told[-1] < np.inf
    for step, distance in seen:
        assert distance == pytest.approx(told[step])
    executor.reset()
    executor.act(arm.state(), arm.observe)
    assert np.isinf(seen[-1][1]), "an episode begins without a memory"


def test_distances_begin_anew_where_the_command_changes():
    positions = np.array([[0.0, 0, 0.1 * k] for k in range(8)])
    found = grip_distances(positions, np.array([1, 1, 1, 0, 0, 0, 1, 1.0]))
    np.testing.assert_allclose(found, [np.inf, np.inf, np.inf, np.inf, 0.1, 0.2, 0.3, 0.1])
