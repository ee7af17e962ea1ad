"""The cache of compiled scenes: built once, atomic, with the stock assets as a fallback."""

from importlib.util import find_spec

import pytest

if find_spec("mujoco") is None or find_spec("robosuite") is None:
    pytest.skip("LIBERO is not installed", allow_module_level=True)

from para.worlds.libero import assets
from para.worlds.libero.rendering import mujoco


def tiny(light):
    return mujoco.MjModel.from_xml_string("<mujoco><worldbody><geom size='1'/></worldbody></mujoco>")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PARA_CACHE", str(tmp_path))
    return tmp_path


def test_a_scene_is_built_once(cache):
    built = []
    path = assets.cached_model("scene", lambda light: built.append(light) or tiny(light))
    assert path.is_relative_to(cache) and mujoco.MjModel.from_binary_path(str(path)).ngeom == 1
    assert assets.cached_model("scene", lambda light: pytest.fail("built twice")) == path
    assert assets.cached_model("another", tiny) != path
    assert built == [True]
    assert [p.name for p in path.parent.iterdir() if p.name.startswith(".")] == []  # no half-written files


def test_stock_assets_are_the_fallback(cache):
    def build(light):
        if light:
            raise ImportError("no fast_simplification")
        return tiny(light)

    with pytest.warns(UserWarning, match="original, slower"):
        stock = assets.cached_model("scene", build)
    assert stock.is_file()
    assert assets.cached_model("scene", build) == stock


def test_libero_reads_a_private_configuration(cache, monkeypatch, tmp_path):
    pytest.importorskip("libero")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LIBERO_CONFIG_PATH", "/nowhere")
    assert (assets.libero_path("bddl_files") / "libero_spatial").is_dir()
    assert not (tmp_path / "home").exists()
