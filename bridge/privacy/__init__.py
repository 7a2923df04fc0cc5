"""What people may ask for: all that is kept of them found, told (`exporting.py`) or erased (`erasing.py`)."""
