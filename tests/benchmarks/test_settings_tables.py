"""The tables of recipes and settings in docs/."""

import settings_tables


def test_a_table_for_each_group_of_settings(tmp_path):
    (tmp_path / "a.gin").write_text(
        "MODE = 'a'  # <name> of it\n\n# Hardware.\nDEVICE = None\n"
    )
    assert settings_tables.settings(tmp_path / "a.gin").splitlines() == [
        "| setting | default | meaning |",
        "|---|---|---|",
        "| `MODE` | `'a'` | &lt;name&gt; of it |",
        "",
        "Hardware.",
        "",
        "| setting | default | meaning |",
        "|---|---|---|",
        "| `DEVICE` | `None` |  |",
    ]
    assert settings_tables.data_settings(tmp_path).splitlines()[2:] == [
        "| `data/a.gin` | `MODE = 'a'` | &lt;name&gt; of it |",
        "| `data/a.gin` | `DEVICE = None` |  |",
    ]


def test_recipes_are_listed_with_their_titles():
    lines = settings_tables.recipes().splitlines()
    title = "Clothing1M: Table 5 of the GDW paper"
    assert f"| `gin/clothing1m.gin` | {title} |" in lines
    assert not any("base.gin" in line for line in lines)
