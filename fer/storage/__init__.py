"""Durable files and process identity: what everything that keeps state builds on."""
