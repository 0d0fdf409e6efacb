"""Which examples a page shows, what it says of each, and thumbnails."""

import base64
import io
from collections.abc import Callable, Sequence

import numpy as np

from fsr_gdw_tf.label_quality.label_issues import LabelIssues, ranks_within
from fsr_gdw_tf.label_quality.label_records import LabelRecords

SHOWN = 1200  # suspicious examples on one page
CONTROLS = 1200  # trusted examples to compare them with
EACH = 3  # of these for one class, if there is room
WORST = 80  # that are shown whatever their class
PAIRS = 30  # most frequent confusions
OF_PAIR = 4  # examples of each of them
ROOM = 4_500_000  # characters of pictures of suspicious examples
CONTROL_ROOM = 2_000_000  # characters of pictures of trusted ones
SIDE = 96  # pixels on the long side of a thumbnail
CONTROL_SIDE = 64  # and of those of trusted examples
QUALITY = 80  # of a JPEG
CHUNK = 64  # images in memory at a time
DOUBTED = 24  # examples that are shown where none is suspicious
LONG = 160  # characters of a name that are shown

Images = Callable[[Sequence[int]], list[np.ndarray | None]]


def build_cards(
    records: LabelRecords,
    issues: LabelIssues,
    reasons: Callable[[int], str],
    images: Images,
) -> tuple[list[dict], dict[int, list[dict]]]:
    """What is shown of suspicious examples, and trusted ones by class."""
    s, given = records, records.given
    chosen = thumbnails(images, select_suspected(given, issues), ROOM, SIDE)
    about = _about(s, issues, np.array(list(chosen), np.int64))
    rows = [
        row | {"image": image, "why": reasons(index)}
        for row, (index, image) in zip(about, chosen.items(), strict=True)
    ]
    trusted = select_trusted(given, issues, np.array(list(chosen), np.int64))
    shown = thumbnails(images, trusted, CONTROL_ROOM, CONTROL_SIDE)
    compare = {}
    for index, image in shown.items():
        example = {"name": short(s.names[index]), "image": image}
        compare.setdefault(int(given[index]), []).append(example)
    return rows, compare


def _about(
    records: LabelRecords, issues: LabelIssues, chosen: np.ndarray
) -> list[dict]:
    """What is known of each of them without its picture."""
    s = records
    place = np.empty(len(s), np.int64)
    place[issues.order] = np.arange(1, len(s) + 1)
    columns = {
        "index": chosen,
        "given": s.given[chosen],
        "suggested": issues.suggested[chosen],
        "score": issues.score[chosen].astype(np.float64).round(4),
        "place": place[chosen],
        "rank": issues.rank[chosen],
        "of": np.bincount(s.given)[s.given[chosen]],
    }
    if s.true is not None:
        columns["true"] = s.true[chosen]
    values = zip(*(c.tolist() for c in columns.values()), strict=True)
    rows = [dict(zip(columns, row, strict=True)) for row in values]
    return [row | {"name": short(s.names[row["index"]])} for row in rows]


def short(name) -> str:
    """A name of a length that can be shown; the end of a path tells most."""
    name = str(name)
    return name if len(name) <= LONG else "…" + name[1 - LONG :]


def select_suspected(
    given: np.ndarray, issues: LabelIssues, limit: int = SHOWN
) -> np.ndarray:
    """Suspicious examples to show, those first that must not be missing.

    The worst of all, some of each frequent confusion, then the worst of each
    class, the second of each class, and so on: rare classes are seen, too.
    """
    suspected = issues.suspected
    if not len(suspected):
        suspected = issues.order[:DOUBTED]
    given, place = given[suspected], np.arange(len(suspected))
    wanted = [
        place[:WORST],
        _of_pairs(given, issues.suggested[suspected]),
        np.argsort(ranks_within(given, place), kind="stable"),
    ]
    _, first = np.unique(np.concatenate(wanted), return_index=True)
    return suspected[np.concatenate(wanted)[np.sort(first)][:limit]]


def _of_pairs(given: np.ndarray, suggested: np.ndarray) -> np.ndarray:
    """Where the first few of the most frequent confusions are."""
    code = given.astype(np.int64) * (suggested.max(initial=0) + 1) + suggested
    _, pair, count = np.unique(code, return_inverse=True, return_counts=True)
    frequent = np.zeros(len(count), bool)
    frequent[np.argsort(-count, kind="stable")[:PAIRS]] = True
    rows = np.flatnonzero(frequent[pair])
    rank = ranks_within(pair[rows], np.arange(len(rows)))
    return rows[rank <= OF_PAIR]


def confusions(matrix: np.ndarray) -> list[tuple[int, int, int]]:
    """The most frequent (given, suggested, how often)."""
    given, suggested = np.nonzero(matrix)
    other = given != suggested
    given, suggested = given[other], suggested[other]
    count = matrix[given, suggested]
    best = np.argsort(-count, kind="stable")[:PAIRS]
    columns = (given[best], suggested[best], count[best])
    return list(zip(*(c.tolist() for c in columns), strict=True))


def select_trusted(
    given: np.ndarray,
    issues: LabelIssues,
    chosen: np.ndarray,
    limit: int = CONTROLS,
) -> np.ndarray:
    """Trusted examples of the classes that the chosen ones speak of.

    One of each class before the second of any; classes that are spoken of
    most often come first.
    """
    spoken_of = np.append(given[chosen], issues.suggested[chosen])
    uses = np.bincount(spoken_of, minlength=int(given.max(initial=0)) + 1)
    trusted = issues.order[::-1]
    keep = ~issues.is_issue[trusted] & (uses[given[trusted]] > 0)
    trusted = trusted[keep]
    of = given[trusted]
    rank = ranks_within(of, np.arange(len(of)))
    order = np.lexsort((of, -uses[of], rank))
    return trusted[order[rank[order] <= EACH][:limit]]


def thumbnails(
    images: Images, indices: np.ndarray, room: int, side: int
) -> dict[int, str | None]:
    """Pictures as data URIs, as many as fit in so many characters.

    None: this example has no picture.
    """
    made, size = {}, 0
    for start in range(0, len(indices), CHUNK):
        chunk = indices[start : start + CHUNK].tolist()
        for index, image in zip(chunk, images(chunk), strict=True):
            uri = None if image is None else data_uri(image, side)
            size += len(uri or "")
            if size > room:
                return made
            made[index] = uri
    return made


def data_uri(image: np.ndarray, side: int) -> str:
    """A thumbnail as text: PNG or JPEG, whichever is smaller."""
    from PIL import Image  # heavy, and only a report needs it

    gray = image.shape[-1] == 1
    picture = Image.fromarray(image[..., 0] if gray else image)
    picture.thumbnail((side, side))  # never enlarges
    kinds = {
        "png": _encoded(picture, "PNG", optimize=True),
        "jpeg": _encoded(picture, "JPEG", quality=QUALITY, optimize=True),
    }
    kind = min(kinds, key=lambda kind: len(kinds[kind]))
    text = base64.b64encode(kinds[kind]).decode("ascii")
    return f"data:image/{kind};base64,{text}"


def _encoded(picture, form: str, **settings) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **settings)
    return file.getvalue()
