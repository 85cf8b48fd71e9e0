"""Video: drop videos, and see what each face looks like from frame to frame."""

from fer.ui.frame import errors_as_sentences, page_frame
from fer.ui.video import adding, library, results, summary, work

page_frame(
    "Video",
    ":material/movie:",
    "Drop videos and see what each face looks like over time. The analysis continues when you close this page.",
)

with errors_as_sentences():
    adding.panel()
    videos = library.own_videos()
    work.queue(videos)
    ended = [video for video in videos if video.ended]
    if ended:
        results.result(library.choose(ended), summary.groups_of(ended))
        summary.section(ended)
    library.others(videos)
