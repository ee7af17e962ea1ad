"""Pixel-aligned robot actions."""
