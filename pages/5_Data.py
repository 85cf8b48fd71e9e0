"""Data: bring FER-2013 in, see what is in it, and mend it."""

from fer.ui import data, data_doctor, data_import, data_look, data_relabel
from fer.ui.frame import errors_as_sentences, page_frame

page_frame("Data", ":material/dataset:", "Bring FER-2013 in as you have it, see what is in it, and mend it.")

with errors_as_sentences():
    data.tidy_up()
    sets = data.stored_sets()
    data_import.panel(empty=not sets)
    if sets:
        data.sets_table(sets)
        chosen = data.choose_set(sets)
        view = data.choose_view()
        if view == data.LOOK:
            data_look.look(chosen)
        elif view == data.DOCTOR:
            data_doctor.doctor(chosen)
        else:
            data_relabel.relabel(chosen)
