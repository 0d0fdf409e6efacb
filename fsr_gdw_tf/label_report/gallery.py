"""Select the examples that the page shows, and make their thumbnails."""

import base64
import dataclasses
import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fsr_gdw_tf.label_quality.label_issues import (
    LabelIssues,
    best_alternative,
    ranks_within,
)
from fsr_gdw_tf.label_quality.label_records import LabelRecords
from fsr_gdw_tf.label_report.escaping import shorten
from fsr_gdw_tf.label_report.review_sheet import sample_of_bands

if TYPE_CHECKING:
    from PIL import Image

MAX_SUSPECTED = 1200  # suspected examples on the page
MAX_TRUSTED = 1200  # trusted examples to compare them with
TRUSTED_PER_CLASS = 3
N_WORST = 80  # suspected examples shown whatever their class
N_CONFUSIONS = 30  # the most frequent pairs of classes
PER_CONFUSION = 4  # examples of each of these pairs
# Bytes of thumbnails; the page has to stay below 10 MB.
SUSPECTED_BYTES = 4_500_000
TRUSTED_BYTES = 2_000_000
SUSPECTED_PIXELS = 96  # on the long side of a thumbnail
TRUSTED_PIXELS = 64
JPEG_QUALITY = 80
MAX_PNG = 3_000_000  # numbers of an image; larger ones take long as PNG
CHUNK = 64  # images in memory at a time
SAMPLE_ONLY = 2  # see `build_rows`
N_UNSUSPECTED = 24  # examples shown if none is suspected

# Returns the images of these examples, None for an example without an image.
Images = Callable[[Sequence[int]], list[np.ndarray | None]]


def build_cards(
    records: LabelRecords,
    issues: LabelIssues,
    reasons: Callable[[int], str],
    images: Images,
) -> tuple[list[dict], dict[int, list[dict]]]:
    """Return the cards of suspected examples, and trusted ones by class."""
    given = records.given
    uris = thumbnails(
        images,
        select_suspected(given, issues),
        SUSPECTED_BYTES,
        SUSPECTED_PIXELS,
    )
    suspected = np.array(list(uris), np.int64)
    cards = [
        row | {"image": uris[row["index"]], "why": reasons(row["index"])}
        for row in _card_rows(records, issues, suspected)
    ]
    trusted = thumbnails(
        images,
        select_trusted(given, _with_alternatives(records, issues), suspected),
        TRUSTED_BYTES,
        TRUSTED_PIXELS,
    )
    by_class = {}
    for index, uri in trusted.items():
        example = {"name": shorten(records.names[index]), "image": uri}
        by_class.setdefault(int(given[index]), []).append(example)
    return cards, by_class


def build_rows(
    records: LabelRecords, issues: LabelIssues
) -> tuple[list[dict], dict[int, list[dict]]]:
    """Return cards of all suspected examples, without images and reasons.

    Those of a random sample of all labels, that of verify_me.csv, have `sample`
    1, or SAMPLE_ONLY if they are not suspected. The second value are trusted
    examples by class.
    """
    suspected, sample = suspected_or_worst(issues), sample_of_bands(issues)
    others = sample[~np.isin(sample, suspected)]
    shown = np.append(suspected, others)
    rows = _card_rows(records, issues, shown)
    sampled, listed = set(sample.tolist()), set(suspected.tolist())
    for row in rows:
        if row["index"] in sampled:
            row["sample"] = 1 if row["index"] in listed else SAMPLE_ONLY
    compared, by_class = _with_alternatives(records, issues), {}
    for index in select_trusted(records.given, compared, shown).tolist():
        example = {"name": shorten(records.names[index]), "index": index}
        by_class.setdefault(int(records.given[index]), []).append(example)
    return rows, by_class


def _card_rows(
    records: LabelRecords, issues: LabelIssues, indices: np.ndarray
) -> list[dict]:
    """Return the text and numbers of the cards of these examples."""
    given = records.given[indices]
    place = np.empty(len(records), np.int64)
    place[issues.order] = np.arange(1, len(records) + 1)
    columns = {
        "index": indices,
        "given": given,
        "suggested": issues.suggested[indices],
        "score": issues.score[indices].astype(np.float64).round(4),
        "place": place[indices],
        "rank": issues.rank[indices],
        "of": np.bincount(records.given)[given],
    }
    if records.true is not None:
        columns["true"] = records.true[indices]
    values = zip(*(c.tolist() for c in columns.values()), strict=True)
    rows = [dict(zip(columns, row, strict=True)) for row in values]
    alternatives = best_alternative(records)[indices].tolist()
    return [
        row | _alternative(row, second) | _names(records.names[row["index"]])
        for row, second in zip(rows, alternatives, strict=True)
    ]


def _with_alternatives(
    records: LabelRecords, issues: LabelIssues
) -> LabelIssues:
    """Return issues that suggest another class for unsuspected labels, too."""
    return dataclasses.replace(issues, suggested=best_alternative(records))


def _alternative(row: dict, second: int) -> dict[str, int]:
    """Return the most probable other class, if the row suggests none."""
    if row["suggested"] != row["given"] or second == row["given"]:
        return {}
    return {"alternative": second}


def _names(name: object) -> dict[str, str]:
    """Return the name to show, and the whole one if that is longer."""
    shown = shorten(name)
    return {"name": shown} | (
        {} if shown == str(name) else {"whole": str(name)}
    )


def suspected_or_worst(issues: LabelIssues) -> np.ndarray:
    """Return the suspected examples; those with the highest scores if none."""
    suspected = issues.suspected
    return suspected if len(suspected) else issues.order[:N_UNSUSPECTED]


def select_suspected(
    given: np.ndarray, issues: LabelIssues, limit: int = MAX_SUSPECTED
) -> np.ndarray:
    """Return the suspected examples to show, the most important first.

    The worst of all, some of each frequent confusion, then the worst of each
    class, the second of each class, and so on, so that rare classes are shown.
    """
    suspected = suspected_or_worst(issues)
    given, rows = given[suspected], np.arange(len(suspected))
    by_priority = np.concatenate(
        [
            rows[:N_WORST],
            _frequent_confusions(given, issues.suggested[suspected]),
            np.argsort(ranks_within(given, rows), kind="stable"),
        ]
    )
    _, first = np.unique(by_priority, return_index=True)
    return suspected[by_priority[np.sort(first)][:limit]]


def _frequent_confusions(
    given: np.ndarray, suggested: np.ndarray
) -> np.ndarray:
    """Return the first few rows of each of the most frequent confusions."""
    code = given.astype(np.int64) * (suggested.max(initial=0) + 1) + suggested
    _, pair, count = np.unique(code, return_inverse=True, return_counts=True)
    frequent = np.zeros(len(count), bool)
    frequent[np.argsort(-count, kind="stable")[:N_CONFUSIONS]] = True
    rows = np.flatnonzero(frequent[pair])
    rank = ranks_within(pair[rows], np.arange(len(rows)))
    return rows[rank <= PER_CONFUSION]


def confusions(matrix: np.ndarray) -> list[tuple[int, int, int]]:
    """Return the most frequent confusions: (given, suggested, count)."""
    given, suggested = np.nonzero(matrix)
    off_diagonal = given != suggested
    given, suggested = given[off_diagonal], suggested[off_diagonal]
    count = matrix[given, suggested]
    largest = np.argsort(-count, kind="stable")[:N_CONFUSIONS]
    columns = (given[largest], suggested[largest], count[largest])
    return list(zip(*(c.tolist() for c in columns), strict=True))


def select_trusted(
    given: np.ndarray,
    issues: LabelIssues,
    suspected: np.ndarray,
    limit: int = MAX_TRUSTED,
) -> np.ndarray:
    """Return trusted examples of the given and suggested classes on the page.

    One example of each class comes before the second of any; among them the
    classes that occur most often on the page come first.
    """
    shown = np.append(given[suspected], issues.suggested[suspected])
    n_shown = np.bincount(shown, minlength=int(given.max(initial=0)) + 1)
    trusted = issues.order[::-1]
    trusted = trusted[~issues.is_issue[trusted] & (n_shown[given[trusted]] > 0)]
    classes = given[trusted]
    rank = ranks_within(classes, np.arange(len(classes)))
    order = np.lexsort((classes, -n_shown[classes], rank))
    return trusted[order[rank[order] <= TRUSTED_PER_CLASS][:limit]]


def thumbnails(
    images: Images, indices: np.ndarray, max_bytes: int, side: int
) -> dict[int, str | None]:
    """Return thumbnails as data URIs by index, as many as `max_bytes` hold.

    The value is None where an example has no image.
    """
    uris, size = {}, 0
    for start in range(0, len(indices), CHUNK):
        chunk = indices[start : start + CHUNK].tolist()
        for index, image in zip(chunk, images(chunk), strict=True):
            uri = None if image is None else data_uri(image, side)
            size += len(uri or "")
            if size > max_bytes:
                return uris
            uris[index] = uri
    return uris


def data_uri(image: np.ndarray, side: int) -> str:
    """Return a thumbnail as a data URI."""
    kind, content = encode_thumbnail(image, side)
    text = base64.b64encode(content).decode("ascii")
    return f"data:{kind};base64,{text}"


def encode_thumbnail(image: np.ndarray, side: int) -> tuple[str, bytes]:
    """Return a smaller image: its type, PNG or JPEG, whichever is smaller."""
    picture = _picture(image)
    picture.thumbnail((side, side))  # never enlarges
    formats = {
        "image/png": _encode(picture, "PNG", optimize=True),
        "image/jpeg": _encode(
            picture, "JPEG", quality=JPEG_QUALITY, optimize=True
        ),
    }
    return min(formats.items(), key=lambda item: len(item[1]))


def encode_whole(image: np.ndarray) -> tuple[str, bytes]:
    """Return an image in its full size: its type, PNG unless it is large."""
    picture = _picture(image)
    if image.size <= MAX_PNG:
        return "image/png", _encode(picture, "PNG", compress_level=1)
    return "image/jpeg", _encode(picture, "JPEG", quality=95)


def _picture(image: np.ndarray) -> "Image.Image":
    from PIL import Image  # slow to import; only a report needs it

    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def _encode(picture: "Image.Image", file_format: str, **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, file_format, **options)
    return file.getvalue()
