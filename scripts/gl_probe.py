"""Exit status 0 when MuJoCo can draw with the backend that MUJOCO_GL names."""

import sys

import mujoco

SCENE = """<mujoco><worldbody><light pos="0 0 3"/><geom type="sphere" size=".5" rgba="1 0 0 1"/></worldbody></mujoco>"""

model = mujoco.MjModel.from_xml_string(SCENE)
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
with mujoco.Renderer(model, 32, 32) as renderer:
    renderer.update_scene(data)
    image = renderer.render()
sys.exit(0 if image[..., 0].max() > 100 else 1)
