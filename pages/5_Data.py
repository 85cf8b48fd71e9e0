"""Data: import FER-2013, explore it and fix its labels."""

from fer.ui.data import doctor, explore, export, importing, overview, relabel
from fer.ui.frame import errors_as_sentences, page_frame

page_frame("Data", ":material/dataset:", "Import FER-2013, explore it and fix its labels.")

with errors_as_sentences():
    overview.tidy_up()
    overview.tell_damaged()
    datasets = overview.stored_datasets()
    importing.panel(empty=not datasets)
    if datasets:
        overview.datasets_table(datasets)
        chosen = overview.choose_dataset(datasets)
        view = overview.choose_view()
        if view == overview.LOOK:
            explore.look(chosen)
        elif view == overview.DOCTOR:
            doctor.doctor(chosen)
        elif view == overview.RELABEL:
            relabel.relabel(chosen)
        else:
            export.export(chosen)
