"""Find, follow and classify the faces of consecutive frames. Live and Video share this."""
