"""Whose copy a file is: the mark that it was exported with, found again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Refused
from evidence.marks import COLUMNS, ROWS, code_in_text, code_of_dots
from evidence.printing import DOT_PITCH

TEXT_PAGES, PICTURES = 2_000, 8
MOST_PIXELS = 16_000_000
SHARP = 300 / 72
"""Pixels of a point: pages are looked at as if scanned at 300 dpi."""
LEAST_DOTS = 400
SPAN, STEP, CLEAR = 2.2, 1 / 3_000, 0.7
"""A copy may be printed this much smaller or larger; how finely sizes are tried; how even rows of dots are."""
FAINT, REACH, MOST_YELLOW = 12, 2, 0.1
"""How yellow a dot is at least, how many pixels from its middle it reaches, how much of a page dots may be."""
Points = NDArray[np.float64]


def find_mark(data: bytes) -> str | None:
    """The code of the mark in a PDF, CSV or HTML that we exported, or in what became of it: pages taken out, printed to
    another PDF, turned into pictures. None where there is none. Raises `Refused` for a PDF that cannot be read."""
    if b"%PDF-" in data[:1024]:
        return _in_pdf(data)
    return code_in_text(data.decode(errors="replace"))


def _in_pdf(data: bytes) -> str | None:
    import pypdfium2

    try:
        with pypdfium2.PdfDocument(data) as document:
            texts = _texts(document)
            return next((code for text in texts if (code := code_in_text(text))), None) or _in_pictures(document)
    except pypdfium2.PdfiumError as error:
        raise Refused(f"this PDF cannot be read: {error}") from None


def _texts(document: Any) -> Iterator[str]:
    yield " ".join(document.get_metadata_dict().values())
    for number in range(min(len(document), TEXT_PAGES)):
        page = document[number]
        words = page.get_textpage()
        yield words.get_text_bounded()
        words.close()
        page.close()


def _in_pictures(document: Any) -> str | None:
    for number in range(min(len(document), PICTURES)):
        page = document[number]
        width, height = page.get_size()
        scale = min(SHARP, (MOST_PIXELS / max(1.0, width * height)) ** 0.5)
        picture = page.render(scale=scale, rev_byteorder=True).to_numpy()
        page.close()
        if code := code_in_picture(picture[:, :, :3], scale):
            return code
    return None


def code_in_picture(picture: NDArray[np.uint8], scale: float) -> str | None:
    """The code that a page's picture carries, `scale` pixels to a point or thereabouts, whichever way it is turned."""
    across, down = _points(picture)
    if len(across) < LEAST_DOTS:
        return None
    for x, y in ((across, down), (-down, across), (-across, -down), (down, -across)):
        if code := _read(x, y, DOT_PITCH * scale):
            return code
    return None


def _points(picture: NDArray[np.uint8]) -> tuple[Points, Points]:
    """Where something small is that is yellow, to a fraction of a pixel; nowhere, where much is."""
    channels = picture.astype(np.int16)
    yellow = np.pad(np.minimum(channels[:, :, 0], channels[:, :, 1]) - channels[:, :, 2], REACH)
    yellow[yellow < FAINT] = 0
    ys, xs = np.nonzero(yellow)
    if len(ys) > yellow.size * MOST_YELLOW:
        return np.empty(0), np.empty(0)
    steps = range(-REACH, REACH + 1)
    around = {(dy, dx): yellow[ys + dy, xs + dx] for dy in steps for dx in steps}
    sums = np.zeros(yellow.shape, dtype=np.int32)
    sums[ys, xs] = own = np.sum(list(around.values()), axis=0, dtype=np.int32)
    peak = np.ones(len(ys), dtype=bool)
    for dy, dx in around:
        other = sums[ys + dy, xs + dx]
        # Of equal neighbours the last one is the peak.
        peak &= own > other if (dy, dx) > (0, 0) else own >= other
    x = xs + sum(dx * part for (_, dx), part in around.items()) / own
    y = ys + sum(dy * part for (dy, _), part in around.items()) / own
    return x[peak], y[peak]


def _read(x: Points, y: Points, expected: float) -> str | None:
    pitch = _pitch(y, expected)
    if pitch is None:
        return None
    turn = 2 * np.pi / pitch
    phase_x, phase_y = (np.angle(np.exp(1j * turn * part).mean()) / turn for part in (x, y))
    columns, rows = np.round((x - phase_x) / pitch), np.round((y - phase_y) / pitch)
    aside = (x - phase_x) / pitch - columns
    votes = np.zeros((ROWS, COLUMNS))
    np.add.at(votes, (rows.astype(int) % ROWS, columns.astype(int) % COLUMNS), np.sign(aside))
    return code_of_dots([[bool(vote > 0) for vote in row] for row in votes])


def _pitch(y: Points, expected: float) -> float | None:
    """How far apart rows of dots are; None where there are no rows. Half of it would fit as well, twice not."""
    some = y[:: max(1, len(y) // 1_200)]
    pitches = expected * np.exp(np.arange(-np.log(SPAN), np.log(SPAN), STEP))
    even = np.array([abs(np.exp(2j * np.pi / pitch * some).mean()) for pitch in pitches])
    good = np.flatnonzero(even > CLEAR * even.max())
    if even.max() < 0.3 or not len(good):
        return None
    # The largest that fits stands in a group of neighbours: the best of these.
    last = [at for at in good if at > good[-1] - 12]
    return float(pitches[max(last, key=lambda at: even[at])])
