"""The report of videos as one HTML file that opens offline: pictures and charts are embedded, and it has no script."""

import base64
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from fer.emotions import EMOTION_COLORS, EMOTIONS, NOT_SURE, looks
from fer.provenance import Provenance
from fer.streams.record import OUTCOMES, PersonSummary
from fer.streams.timeline import PersonLine, Timeline
from fer.templating import templates_of
from fer.video.processing import VideoResult
from fer.video.summary import Moment
from fer.vision.images import encode_jpeg

# People and changes per video; the tables have all of them.
_MOST_PEOPLE: Final = 12
_MOST_CHANGES: Final = 200
# The size of a timeline in the units of its drawing.
_WIDTH, _HEIGHT = 1000, 120
_UNSURE_COLOR: Final = "#C8C8C8"
_COLORS: Final = {**EMOTION_COLORS, NOT_SURE: _UNSURE_COLOR}
_TEMPLATES: Final = templates_of("fer.video")


def html_report(results: Sequence[VideoResult], about: Provenance) -> str:
    """Render the report.

    Args:
        results: one per video.
        about: what made the results.
    """
    return _TEMPLATES.get_template("report.html").render(
        videos=[_video(result) for result in results], about=about.text, colors=_COLORS
    )


def _video(result: VideoResult) -> dict[str, Any]:
    summary = result.summary
    timeline = summary.timeline()
    people = sorted(summary.people(), key=lambda person: person.first_s - person.last_s)[:_MOST_PEOPLE]
    changes = summary.changes[:_MOST_CHANGES]
    return {
        "file": result.file,
        "error": result.error,
        "notes": result.notes,
        "size": f"{result.info.width} x {result.info.height}" if result.info else "",
        "length": clock(summary.last_s),
        "n_frames": summary.n_frames,
        "n_analysed": summary.n_analysed,
        "n_people": len(summary.people()),
        "shares": _shares(summary.shares().values()),
        "people": [_person(one, timeline, summary.moments(one.person)) for one in sorted(people, key=_number)],
        "changes": [(clock(one.time_s), one.person, one.before, one.after) for one in changes],
        "n_more_changes": summary.n_changes - len(changes),
    }


def _number(person: PersonSummary) -> int:
    return person.person


def _person(person: PersonSummary, timeline: Timeline, moments: Sequence[Moment]) -> dict[str, Any]:
    line = next((line for line in timeline.lines if line.person == person.person), None)
    return {
        "number": person.person,
        "seen": f"{clock(person.first_s)} to {clock(person.last_s)}",
        "shares": _shares(person.shares),
        "lines": [] if line is None else _lines(line, timeline.last_s),
        "moments": [
            {
                "looks": looks(moment.emotion),
                "when": clock(moment.time_s),
                "confidence": f"{moment.confidence:.2f}",
                "picture": _data_uri(moment),
            }
            for moment in moments
        ],
    }


def _shares(shares: Iterable[float]) -> list[tuple[str, float]]:
    """Return the name and percentage of each outcome that occurs."""
    return [(name, 100 * share) for name, share in zip(OUTCOMES, shares, strict=True) if share > 0]


def _lines(line: PersonLine, last_s: float) -> list[tuple[str, str]]:
    """Return for each emotion its name and the path of its probability over time, as SVG writes it."""
    x = line.seconds / max(last_s, 1e-9) * _WIDTH
    paths = []
    for index, name in enumerate(EMOTIONS):
        y = _HEIGHT * (1 - line.probabilities[:, index])
        parts, pen = [], "M"
        for left, top in zip(x, y, strict=True):
            # A gap in which the person was absent.
            if np.isnan(top):
                pen = "M"
                continue
            parts.append(f"{pen}{left:.1f} {top:.1f}")
            pen = "L"
        paths.append((name, " ".join(parts)))
    return paths


def _data_uri(moment: Moment) -> str | None:
    if moment.picture_bgr is None:
        return None
    return f"data:image/jpeg;base64,{base64.b64encode(encode_jpeg(moment.picture_bgr)).decode()}"


def clock(seconds: float) -> str:
    """Return a time in a video for people, such as '1:05.2' or '1:01:05.2'."""
    tenths = round(10 * seconds)
    minutes, rest = divmod(tenths, 600)
    shown = f"{minutes % 60:02d}" if minutes >= 60 else f"{minutes}"
    return f"{f'{minutes // 60}:' if minutes >= 60 else ''}{shown}:{rest // 10:02d}.{rest % 10}"
