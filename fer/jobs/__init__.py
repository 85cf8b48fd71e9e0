"""Work that outlives the page that started it: start it, watch it, stop it, from any process."""
