"""Simulators and arms behind one interface, and the one loop that runs episodes in them."""
