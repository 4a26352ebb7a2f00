"""Playing along: music through MIDI ports, in time with a player or a sequencer.

One loop (`session`) asks the beat where it is, lets a piece of playing (`turns`, `loop`) decide, sends what is due (`player`) and waits for
the port. What takes long is composed beside it (`worker`). Time is in quarters from the beginning, seconds only in `beat` and `port`.
"""
