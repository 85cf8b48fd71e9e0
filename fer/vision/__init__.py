"""Pictures and the faces in them: reading, detecting, cropping, following, drawing."""
