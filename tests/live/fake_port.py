"""A port whose time passes only while it is waited for, a keyboard that plays a script, and work that takes as long as is said."""

from musicgen.live.port import Heard


class FakePort:
    """script: (seconds, message) that come in; sent: (seconds, message) that went out."""

    def __init__(self, script=()):
        self.time, self.sent = 0.0, []
        self.script = sorted(script)

    def now(self):
        return self.time

    def send(self, message):
        self.sent.append((self.time, bytes(message)))

    def receive(self, until):
        if self.script and self.script[0][0] <= max(until, self.time):
            at, message = self.script.pop(0)
            self.time = max(self.time, at)
            return Heard(at, bytes(message))
        assert until < float("inf"), "it waits for ever"
        self.time = max(self.time, until)
        return None


class FakeWorker:
    """Each work is done at once, and known some seconds later."""

    def __init__(self, port, *seconds):
        self.port, self.seconds, self.count = port, seconds, 0

    def submit(self, work):
        seconds = self.seconds[min(self.count, len(self.seconds) - 1)]
        self.count += 1
        return FakeTask(self.port, self.port.time + seconds, work)


class FakeTask:
    def __init__(self, port, ready, work):
        self.port, self.ready = port, ready
        try:
            self.outcome, self.error = work(), None
        except Exception as error:
            self.outcome, self.error = None, error

    def done(self):
        return self.port.time >= self.ready

    def result(self):
        assert self.done()
        if self.error:
            raise self.error
        return self.outcome


def keys(tune, tempo=60.0, channel=0, stray=0.0, held=0.9, velocity=70):
    """A script of (start, length, pitch) in quarters, played `stray` quarters late and each key let go at a share of its length."""
    script = []
    for start, length, pitch in tune:
        begin, end = start + stray, start + stray + held * length
        script += [(begin * 60 / tempo, bytes((0x90 | channel, pitch, velocity))), (end * 60 / tempo, bytes((0x90 | channel, pitch, 0)))]
    return script


def notes(sent, tempo=60.0, channels=range(9)):
    """[(start, end, channel, pitch)] in quarters of what was sent; every note that began must have ended."""
    begun, found = {}, []
    for time, message in sent:
        kind, channel = message[0] & 0xF0, message[0] & 0x0F
        if kind == 0x90 and message[2]:
            assert (channel, message[1]) not in begun, "struck twice"
            begun[channel, message[1]] = time
        elif kind in (0x80, 0x90):
            assert (channel, message[1]) in begun, "ended twice"
            found.append((begun.pop((channel, message[1])), time, channel, message[1]))
    assert not begun, f"never ended: {begun}"
    scaled = [(round(start * tempo / 60, 3), round(end * tempo / 60, 3), channel, pitch) for start, end, channel, pitch in found]
    return sorted(note for note in scaled if note[2] in channels)
