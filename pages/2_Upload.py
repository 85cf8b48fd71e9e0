"""Upload: drop photos, see each face with its expression."""

import streamlit as st

from fer.ui import explanation
from fer.ui.frame import errors_as_sentences, page_frame
from fer.ui.resources import model_in_use
from fer.ui.upload import photos, results

page_frame(
    "Upload",
    ":material/add_photo_alternate:",
    "Drop photos and see what each face looks like. They are analysed on this machine, kept in memory while this tab "
    "is open, and never written to disk.",
)

with errors_as_sentences():
    bundle = model_in_use()
    book = photos.photo_book()

    photos_in, choices = st.columns([2, 1], gap="large")
    with choices:
        settings = photos.settings_form(bundle)
        explain = explanation.switch(bundle, settings.detector)
    with photos_in:
        photos.take_photos(book)

    analysed = photos.analyse_new(book, bundle, settings)
    results.failures(book)
    results.not_written(book)
    if analysed:
        results.photo_table(book, analysed)
        results.selected_photo(book, analysed, settings.detector, explain)
    if len(book) or book.failed:
        with st.container(horizontal=True):
            if analysed:
                results.downloads(book, analysed, photos.about(book, bundle, settings))
            photos.clear_button()
