"""Read labelled faces from the files people have: tables, image folders, archives, the FER+ votes."""
