"""Operational-space control of the Panda, in NumPy on raw MuJoCo arrays.

The mathematics is robosuite 1.4's OSC_POSE with its default gains and uncoupled position and orientation (Khatib,
"A unified approach for motion and force control of robot manipulators", 1987); a test holds its torques against
robosuite's own. Rewritten because robosuite evaluates the dynamics three times per substep and spends most of the time
in name look-ups: this version is several times faster.
"""

from __future__ import annotations

import mujoco
import numpy as np
from scipy.linalg.lapack import dposv

STIFFNESS = 150.0
DAMPING = 2 * STIFFNESS**0.5
"""Critical damping for `STIFFNESS`."""
NULLSPACE_STIFFNESS = 10.0
NULLSPACE_DAMPING = 2 * NULLSPACE_STIFFNESS**0.5


class OperationalSpaceController:
    """Torques that pull one site of the arm to an absolute pose in the world."""

    def __init__(self, model: mujoco.MjModel, site: str, joints: list[str], actuators: list[str]) -> None:
        self._model = model
        self._site = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_SITE, site)
        joint_ids = [mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_JOINT, name) for name in joints]
        self.qpos = model.jnt_qposadr[joint_ids].copy()
        self.dofs = model.jnt_dofadr[joint_ids].copy()
        self.actuators = np.array([mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_ACTUATOR, name) for name in actuators])
        # Contiguous addresses let plain slices stand in for fancy indexing, which costs as much as the mathematics.
        first, count = int(self.dofs[0]), len(joints)
        if not (np.diff(self.dofs) == 1).all() or not (np.diff(self.qpos) == 1).all():
            raise ValueError("the arm's joints must have consecutive addresses")
        self._dof_slice = slice(first, first + count)
        self._qpos_slice = slice(int(self.qpos[0]), int(self.qpos[0]) + count)
        self._low = model.actuator_ctrlrange[self.actuators, 0].copy()
        self._high = model.actuator_ctrlrange[self.actuators, 1].copy()
        self._jacobian = np.zeros((6, model.nv))
        self._mass = np.zeros((model.nv, model.nv))
        self._wrench = np.zeros(6)
        self._posture = np.zeros(count)
        self.goal_position = np.zeros(3)
        """(3,) [m], world."""
        self.goal_rotation = np.eye(3)
        """(3, 3) R_world_ee."""

    def reset(self, data: mujoco.MjData) -> None:
        """Take the present pose as the goal and the present joint angles as the posture to keep in the null space."""
        self._posture = data.qpos[self._qpos_slice].copy()
        self.goal_position = data.site_xpos[self._site].copy()
        self.goal_rotation = data.site_xmat[self._site].reshape(3, 3).copy()

    def set_goal(self, position: np.ndarray, rotation: np.ndarray) -> None:
        """Absolute target: (3,) [m] and (3, 3), world."""
        self.goal_position, self.goal_rotation = np.asarray(position, float), np.asarray(rotation, float)

    def torques(self, data: mujoco.MjData) -> np.ndarray:
        """(7,) joint torques [N m], clipped to the actuators, for positions and velocities as of ``mj_step1``.

        Raises LinAlgError where the arm's inertia, as felt at the hand, is singular.
        """
        jacobian_full = self._jacobian
        mujoco.mj_jacSite(self._model, data, jacobian_full[:3], jacobian_full[3:], self._site)
        mujoco.mj_fullM(self._model, self._mass, data.qM)
        arm = self._dof_slice
        jacobian = jacobian_full[:, arm]
        mass = self._mass[arm, arm]
        velocity = data.qvel[arm]

        # LAPACK directly: NumPy's solvers spend ten times longer on checks than on matrices of this size.
        mass_inverse_jacobian_t, failed = dposv(mass, jacobian.T)[1:]
        mobility = jacobian @ mass_inverse_jacobian_t
        wrench = self._wrench
        np.subtract(self.goal_position, data.site_xpos[self._site], out=wrench[:3])
        _rotation_error(self.goal_rotation, data.site_xmat[self._site].reshape(3, 3), out=wrench[3:])
        wrench *= STIFFNESS
        wrench -= DAMPING * (jacobian @ velocity)
        posture = mass @ (
            NULLSPACE_STIFFNESS * (self._posture - data.qpos[self._qpos_slice]) - NULLSPACE_DAMPING * velocity
        )
        # Position and orientation are decoupled: each sees only its own 3 x 3 inertia.
        force, turn = dposv(mobility[:3, :3], wrench[:3]), dposv(mobility[3:, 3:], wrench[3:])
        # N^T tau = tau - J^T (J M^-1 J^T)^-1 J M^-1 tau keeps the posture out of the hand's way.
        posture_wrench = dposv(mobility, mass_inverse_jacobian_t.T @ posture)
        if failed or force[2] or turn[2] or posture_wrench[2]:
            raise np.linalg.LinAlgError("the arm's inertia is singular")
        wrench[:3], wrench[3:] = force[1], turn[1]
        wrench -= posture_wrench[1]
        torques = jacobian.T @ wrench
        torques += posture
        torques += data.qfrc_bias[arm]
        np.maximum(torques, self._low, out=torques)
        return np.minimum(torques, self._high, out=torques)


def _rotation_error(desired: np.ndarray, current: np.ndarray, out: np.ndarray) -> None:
    """Half the sum of the cross products of the three axes: sin(angle) x axis, robosuite's orientation error.

    Written as the skew part of D C^T, which equals 0.5 * sum_i (c_i x d_i).
    """
    s = (desired @ current.T).tolist()
    out[0] = 0.5 * (s[2][1] - s[1][2])
    out[1] = 0.5 * (s[0][2] - s[2][0])
    out[2] = 0.5 * (s[1][0] - s[0][1])
