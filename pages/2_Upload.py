"""Upload: drop photos, see each face with its expression."""

import streamlit as st

from fer.ui import explanation
from fer.ui.frame import errors_as_sentences, page_frame
from fer.ui.upload import analysis, photos, results, summary

page_frame(
    "Upload",
    ":material/add_photo_alternate:",
    "Drop photos and see what each face looks like. They are analysed on this machine, kept in memory until you reload "
    "or close this tab, and never written to disk.",
)

with errors_as_sentences():
    analysis.hide_streamlits_stop()
    book = photos.photo_book()
    bundle = analysis.model_of(book)

    photos_in, choices = st.columns([2, 1], gap="large")
    with choices:
        settings = analysis.settings_form(bundle)
        explain = explanation.switch(bundle, settings.detector)
    with photos_in:
        photos.take_photos(book)

    analysed = analysis.analyse_new(book, bundle, settings)
    results.failures(book)
    results.not_written(book)
    about = analysis.about(book, bundle, settings)
    if len(book) or book.failed:
        with st.container(horizontal=True):
            if analysed:
                groups = summary.groups_of(results.all_analyses(book, analysed))
                results.downloads(book, analysed, about, groups)
            photos.clear_button()
    if analysed:
        results.photo_table(book, analysed)
        summary.section(results.all_analyses(book, analysed), about, analysis.another_in_use(bundle))
        results.selected_photo(book, analysed, settings.detector, explain)
