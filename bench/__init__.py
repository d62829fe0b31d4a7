"""Lading and Distribution 3.1.1 side by side: speed, CPU and memory."""
