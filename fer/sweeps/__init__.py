"""Sweeps: several trainings with other values and seeds, on this machine or many, and their mean with its spread."""
