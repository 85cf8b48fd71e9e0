"""Data: import FER-2013, explore it and fix its labels."""

from fer.ui.data import doctor, explore, importing, overview, relabel
from fer.ui.frame import errors_as_sentences, page_frame

page_frame("Data", ":material/dataset:", "Import FER-2013, explore it and fix its labels.")

with errors_as_sentences():
    overview.tidy_up()
    overview.tell_damaged()
    sets = overview.stored_sets()
    importing.panel(empty=not sets)
    if sets:
        overview.sets_table(sets)
        chosen = overview.choose_set(sets)
        view = overview.choose_view()
        if view == overview.LOOK:
            explore.look(chosen)
        elif view == overview.DOCTOR:
            doctor.doctor(chosen)
        else:
            relabel.relabel(chosen)
