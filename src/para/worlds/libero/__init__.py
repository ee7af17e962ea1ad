"""LIBERO on MuJoCo: scenes, layouts, the arm's controller, the judge, and the scripted teacher."""
