"""Upload: drop photos, see each face with its expression."""

import streamlit as st

from fer.ui import photo_results, upload, why
from fer.ui.frame import errors_as_sentences, page_frame
from fer.ui.resources import model_in_use

page_frame(
    "Upload",
    ":material/add_photo_alternate:",
    "Drop photos and see what each face looks like. They are analysed on this machine, kept in memory while this tab "
    "is open, and never written to disk.",
)

with errors_as_sentences():
    bundle = model_in_use()
    book = upload.photo_book()

    photos_in, choices = st.columns([2, 1], gap="large")
    with choices:
        settings = upload.settings_form(bundle)
        explain = why.switch(bundle, settings.detector)
    with photos_in:
        upload.take_photos(book)

    analysed = upload.analyse_new(book, bundle, settings)
    photo_results.failures(book)
    if analysed:
        photo_results.photo_table(book, analysed)
        photo_results.selected_photo(book, analysed, settings.detector, explain)
    if len(book) or book.failed:
        with st.container(horizontal=True):
            if analysed:
                photo_results.downloads(book, analysed, f"{bundle.hash}_{settings}")
            upload.clear_button()
