"""LIBERO's bowl-on-plate task as a `World`: raw MuJoCo, robosuite's controller mathematics, official success rule."""

from __future__ import annotations

import numpy as np

from para.geometry import Camera, Pose
from para.types import CONTROL_HZ, Box, Command, Observation, RobotState, View
from para.worlds.libero.camera import CAMERA_NAME, FOV_Y, mujoco_quaternion, pinhole, reported_pose, view_pose
from para.worlds.libero.grasps import Grasp
from para.worlds.libero.layout import WORKSPACE, Layout
from para.worlds.libero.official import carried_bowl, initial_state, scene_name, sentence
from para.worlds.libero.outcome import OutcomeJudge
from para.worlds.libero.plus_views import named_view
from para.worlds.libero.rendering import Renderer
from para.worlds.libero.simulation import Simulation
from para.worlds.world import AgentFailure, Outcome

EE_FRAME = "grip_site"
"""The end-effector frame: robosuite's ``gripper0_grip_site``, between the finger tips; its z points out of the hand
and its x along the fingers' travel (world y in the home pose)."""

SETTLE_STEPS = 10
"""Control steps after placing the objects, arm held and gripper opening, before time 0."""


class LiberoWorld:
    """The simulator. One instance may run any number of episodes in any scene; scenes are loaded when first needed."""

    camera_names = (CAMERA_NAME,)
    ee_frame = EE_FRAME
    workspace: Box = WORKSPACE

    def __init__(self, image_size: tuple[int, int] = (256, 256)) -> None:
        """`image_size` is (width, height) [px]. Nothing is rendered, and no OpenGL needed, before `observe`."""
        self.image_size = image_size
        self._simulations: dict[str, Simulation] = {}
        self._renderers: dict[str, Renderer] = {}
        self._stale: dict[str, set[int]] = {}
        """Textures, by scene, that have changed since the renderer last took them."""
        self._simulation: Simulation | None = None
        self._layout: Layout | None = None
        self._camera: Camera | None = None
        self._reported_camera: Camera | None = None
        self._judge: OutcomeJudge | None = None
        self._steps = 0

    # ---- World -------------------------------------------------------------------------------------------------------

    def reset(self, layout: Layout) -> RobotState:
        """Start the episode; ValueError when the layout names an unknown scene or object."""
        if layout.scene not in self._simulations:
            self._simulations[layout.scene] = Simulation(layout.scene)
        simulation = self._simulations[layout.scene]
        self._simulation, self._layout, self._steps = simulation, layout, 0
        T_world_camera = view_pose(*layout.view) if layout.official is None else named_view(layout.official.camera)
        self._camera = pinhole(T_world_camera, *self.image_size, fov_y=FOV_Y)
        T_world_reported = reported_pose(T_world_camera, layout.camera_error)
        self._reported_camera = pinhole(T_world_reported, *self.image_size, fov_y=FOV_Y)
        simulation.place_camera(CAMERA_NAME, T_world_camera.translation, mujoco_quaternion(T_world_camera), FOV_Y)
        self._place(layout)
        self._stale.setdefault(layout.scene, set()).update(simulation.dress(layout.appearance))
        for _ in range(SETTLE_STEPS):
            simulation.step(simulation.controller.goal_position, simulation.controller.goal_rotation, opening=1.0)
        self._judge = OutcomeJudge(simulation, self._carried)
        return self.state()

    def _place(self, layout: Layout) -> None:
        """Arm and objects at their starts."""
        simulation, scene = self._running(), self._running().scene
        if layout.official is not None:
            if layout.scene != scene_name(layout.official.suite, layout.official.task):
                raise ValueError(
                    f"scene {layout.scene!r} is not that of {layout.official}; use official_layout to make both"
                )
            simulation.start_from(initial_state(layout.official))
            return
        placements = {p.name: (p.xy, p.yaw) for p in layout.objects}
        placements[scene.carried] = (layout.bowl_xy, layout.bowl_yaw)
        placements[scene.target] = (layout.plate_xy, 0.0)
        simulation.reset(placements)

    def step(self, command: Command) -> RobotState:
        """Track the absolute target for one control step (1/20 s). The gripper is binary, as LIBERO's: above 0.5 opens.

        Raises `AgentFailure` for a command that is not finite and `PhysicsError` when the simulation breaks down.
        """
        simulation = self._running()
        position, rotation = command.T_world_ee.translation, command.T_world_ee.rotation
        if not (np.isfinite(position).all() and np.isfinite(rotation).all() and np.isfinite(command.gripper)):
            raise AgentFailure("the commanded target is not finite")
        simulation.step(position, rotation, command.gripper)
        self._steps += 1
        assert self._judge is not None
        self._judge.update()
        return self.state()

    def state(self) -> RobotState:
        """What the robot measures now."""
        simulation = self._running()
        return RobotState(simulation.ee_pose(), simulation.gripper_opening(), self._steps / CONTROL_HZ)

    def observe(self) -> Observation:
        """State and picture of this moment, with the camera that is *reported*: nothing that sees an observation (a
        policy, its executor, a recorder, a film) gets to know the true one where a layout makes the two differ."""
        simulation, scene = self._running(), self.layout.scene
        if scene not in self._renderers:
            self._renderers[scene] = Renderer(simulation.model, CAMERA_NAME, *self.image_size)
            self._stale[scene].clear()  # a new renderer takes the textures as they are
        renderer = self._renderers[scene]
        while self._stale[scene]:
            renderer.upload_texture(self._stale[scene].pop())
        view = View(CAMERA_NAME, renderer.render(simulation.data), self.reported_camera)
        return Observation((view,), self.state(), self.instruction)

    def outcome(self) -> Outcome:
        """The judgement so far; see `outcome.OutcomeJudge`."""
        self._running()
        assert self._judge is not None
        return self._judge.outcome()

    def close(self) -> None:
        """Free the renderers and the simulator."""
        for renderer in self._renderers.values():
            renderer.close()
        self._renderers.clear()
        self._stale.clear()
        self._simulations.clear()
        self._simulation = None

    # ---- what the episode is -----------------------------------------------------------------------------------------

    @property
    def layout(self) -> Layout:
        """The running episode's layout."""
        if self._layout is None:
            raise RuntimeError("call reset(layout) first")
        return self._layout

    @property
    def camera(self) -> Camera:
        """The running episode's true camera: privileged where it differs from `reported_camera`."""
        if self._camera is None:
            raise RuntimeError("call reset(layout) first")
        return self._camera

    @property
    def reported_camera(self) -> Camera:
        """The camera that the running episode's observations carry: the true one but for ``Layout.camera_error``."""
        if self._reported_camera is None:
            raise RuntimeError("call reset(layout) first")
        return self._reported_camera

    @property
    def instruction(self) -> str:
        """The task's sentence."""
        official = self.layout.official
        return self._running().scene.instruction if official is None else sentence(official)

    @property
    def T_world_base(self) -> Pose:
        """Pose of the arm's base."""
        return self._running().body_pose("robot0_base")

    # ---- privileged: for teachers and judges, never for policies -----------------------------------------------------

    def object_pose(self, name: str) -> Pose:
        """T_world_object of an object of the scene, e.g. ``plate_1``."""
        return self._running().object_pose(name)

    @property
    def carried_pose(self) -> Pose:
        """T_world_object of what is to be carried (in most scenes the bowl)."""
        return self._running().object_pose(self._carried)

    def heights(self, places: np.ndarray) -> np.ndarray:
        """(N, 2) places [m], world -> (N,) z of the highest thing there [m] but for the arm and what is to be carried."""
        return self._running().heights(places, without=self._carried)

    @property
    def target_pose(self) -> Pose:
        """T_world_object of what it is to be put on (the plate)."""
        simulation = self._running()
        return simulation.object_pose(simulation.scene.target)

    @property
    def grasp(self) -> Grasp:
        """How what is to be carried may be taken hold of."""
        return self._running().scene.grasp

    @property
    def _carried(self) -> str:
        official = self.layout.official
        return self._running().scene.carried if official is None else carried_bowl(official)

    def _running(self) -> Simulation:
        if self._simulation is None:
            raise RuntimeError("call reset(layout) first")
        return self._simulation
