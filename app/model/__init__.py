"""The shared model layer: plain values that every part agrees on. No I/O, no Qt, no SQL."""
