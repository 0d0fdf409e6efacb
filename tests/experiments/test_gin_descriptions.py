"""What the comments of gin files say."""

from support.paths import ROOT, RUN_FILES

from fsr_gdw_tf.experiments import gin_descriptions

TEXT = """# A recipe of three lines. It goes on; see Eq. 4 of
# its paper.
# Run: this.
MODE = 'train'                # 'train' or 'report';
                              # overridden by --mode
EPOCHS = 80

# Hardware. Results do not
# depend on it.
DEVICE = None                 # 'CPU': a trial
SGD.momentum = 0.9            # no setting
"""


def test_settings_are_grouped_under_the_comment_above_them(tmp_path):
    (tmp_path / "a.gin").write_text(TEXT)
    first, second = gin_descriptions.settings(tmp_path / "a.gin")
    assert first.settings == [
        ("MODE", "'train'", "'train' or 'report'; overridden by --mode"),
        ("EPOCHS", "80", ""),
    ]
    assert second == (
        "Hardware. Results do not depend on it.",
        [("DEVICE", "None", "'CPU': a trial")],
    )


def test_a_title_is_the_first_sentence(tmp_path):
    path = tmp_path / "a.gin"
    for text, title in (
        (TEXT, "A recipe of three lines"),
        ("# Eq. 4 of GDW; no more.\n", "Eq. 4 of GDW"),
        ("# No end\nMODE = 1\n", "No end"),
        ("MODE = 1\n", ""),
    ):
        path.write_text(text)
        assert gin_descriptions.title(path) == title


def test_every_setting_of_the_base_recipe_is_explained():
    groups = gin_descriptions.settings(ROOT / "gin" / "base.gin")
    found = [setting for group in groups for setting in group.settings]
    assert len(found) > 35
    assert [s.name for s in found if not s.meaning] == []


def test_every_recipe_has_a_title_that_fits_a_line():
    titles = gin_descriptions.recipes()
    assert sorted(f"{name}.gin" for name in titles) == RUN_FILES
    assert all(8 < len(title) <= 80 for title in titles.values())
    assert {"default", "gdw", "fsr", "gce"} < set(gin_descriptions.methods())
