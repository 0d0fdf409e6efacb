"""The images in a folder per class."""

import os
from collections.abc import Sequence
from pathlib import Path

from fsr_gdw_tf.data.file_lists import display, is_utf8, regular_files
from fsr_gdw_tf.data.pillow_images import NAMES, is_image
from fsr_gdw_tf.errors import InvalidInput

# Others are opened to see whether they are images.
SUFFIXES = {
    *(".jpg", ".jpeg", ".png", ".bmp", ".gif"),
    *(".webp", ".tif", ".tiff"),
}
LAYOUT = f"expected <root>/<class name>/<image>.jpg (or another {NAMES} file)"


def loose_files(base: Path) -> list[Path]:
    """Return the files beside the class folders, but hidden ones."""
    files = sorted(p for p in base.iterdir() if p.is_file())
    return [p for p in files if not p.name.startswith(".")]


def class_folders(base: Path, class_names: Sequence[str] | None) -> list[Path]:
    """Return the class folders, sorted by name; raise unless they are valid."""
    folders = sorted(d for d in base.iterdir() if d.is_dir())
    folders = [d for d in folders if not d.name.startswith(".")]
    names = [d.name for d in folders]
    for name in names:
        if not is_utf8(name):
            raise InvalidInput(
                f"the name of class folder {display(base / name)} is not "
                "UTF-8; rename it"
            )
    unknown = sorted(set(names) - set(class_names or names))
    if unknown:
        raise InvalidInput(
            f"{base} has class folders that the training folder lacks: "
            f"{', '.join(unknown[:5])}; remove them or add them there"
        )
    if len(names) < 2:
        raise InvalidInput(
            f"{base} has {len(names)} class folder(s), at least 2 are needed; "
            f"{LAYOUT}"
        )
    return folders


def find_images(folder: Path, layout: str) -> list[str]:
    """Return the images in a class folder and its subfolders, sorted."""
    images, _ = sort_out(folder)
    require_images(folder, images, layout)
    return images


def require_images(
    folder: Path, images: list[str], layout: str = LAYOUT
) -> None:
    """Raise if a class folder has no image."""
    if not images:
        raise InvalidInput(f"class folder {folder} has no image; {layout}")


def sort_out(folder: Path) -> tuple[list[str], list[str]]:
    """Return the images in a folder and its subfolders, and other files."""
    images, others = [], []
    for name in regular_files(folder):
        is_named_so = os.path.splitext(name)[1].lower() in SUFFIXES
        found = images if is_named_so or is_image(name) else others
        found.append(name)
    others = [n for n in others if not os.path.basename(n).startswith(".")]
    return sorted(images, key=lambda name: Path(name).parts), others
