// Pieces into the score, through a cursor. A seat is a staff and one of its four voices.
// Written as JavaScript was in 2009, for MuseScore 3 knows no other. `mu` is the plugin: MuseScore's side of everything.
.import "reading.js" as Reading

var INSTRUMENTS = ["alto", "tenor", "bass"];

// Writes a piece over what is there, and returns how many steps of undo take it back.
function write(mu, job, piece) {
    var score = mu.curScore, ties = [];
    if (score.scoreName !== job.name)
        throw "This was composed for " + job.name + ", which is not on screen.";
    score.startCmd();
    try {
        ties = writeVoices(mu, score, job, piece.notes);
    } catch (problem) {
        score.endCmd(true);
        throw problem;
    }
    score.endCmd();
    return 1 + tieAll(mu, score, ties);
}

function writeVoices(mu, score, job, form) {
    var scale = mu.division / form.ticks_per_quarter, bars = Reading.barsOf(mu, score), ties = [];
    for (var i = 0; i < job.seats.length; i++) {
        var seat = job.seats[i];
        if (seat.staff >= score.nstaves)
            score.appendPart(INSTRUMENTS[i]);
        var notes = shifted(form.parts[seat.part].notes, scale, job.start);
        var span = spanOf(job.chosen, notes.concat(Reading.readVoice(mu, score, seat, 0, score.lastSegment.tick)));
        ties = ties.concat(writeVoice(mu, score, bars, seat, notes, span.start, span.end));
    }
    return ties;
}

function shifted(notes, scale, start) {
    return notes.map(function (note) {
        return {start: Math.round(note.start * scale) + start, duration: Math.round(note.duration * scale), pitch: note.pitch,
                tpc: Reading.tpcOf(note.spelling)};
    });
}

// What was selected, and as far beyond it as one of the notes reaches.
function spanOf(chosen, notes) {
    var span = {start: chosen.start, end: chosen.end};
    notes.forEach(function (note) {
        if (note.start < chosen.end && note.start + note.duration > chosen.start) {
            span.start = Math.min(span.start, note.start);
            span.end = Math.max(span.end, note.start + note.duration);
        }
    });
    return span;
}

// Fills [start, end) with notes and rests; returns the ties that MuseScore has not made itself.
function writeVoice(mu, score, bars, seat, notes, start, end) {
    var cursor = score.newCursor(), tick = start, ties = [];
    notes = notes.filter(function (note) { return note.duration > 0 && note.start >= start && note.start < end; });
    for (var i = 0; i <= notes.length; i++) {
        var next = i < notes.length ? notes[i].start : end;
        while (next > tick) { // MuseScore ties a note over a barline, but makes no rest over one
            var until = Math.min(next, barEnd(bars, tick));
            writePieces(mu, cursor, seat, tick, until - tick, null);
            tick = until;
        }
        if (i < notes.length) {
            var made = writePieces(mu, cursor, seat, next, Math.min(notes[i].duration, end - next), notes[i].pitch);
            ties = ties.concat(made.slice(0, -1));
            tick = next + notes[i].duration;
        }
    }
    respell(mu, score, seat, notes);
    return ties;
}

// A note, or a rest where `pitch` is null, of as few values as can be.
function writePieces(mu, cursor, seat, tick, ticks, pitch) {
    var pieces = [];
    while (ticks > 0) {
        var value = longest(mu, ticks);
        Reading.place(cursor, seat, tick);
        cursor.setDuration(value.numerator, value.denominator);
        if (pitch !== null)
            cursor.addNote(pitch);
        else if (cursor.addRest)
            cursor.addRest();
        else
            erase(mu, cursor, seat, tick);
        pieces.push({seat: seat, tick: tick, value: value, pitch: pitch});
        tick += value.ticks;
        ticks -= value.ticks;
    }
    return pieces;
}

// MuseScore 3.2 adds no rests: a note is added and taken out again.
function erase(mu, cursor, seat, tick) {
    cursor.addNote(60);
    Reading.place(cursor, seat, tick);
    if (cursor.element && cursor.element.type === mu.Element.CHORD)
        mu.removeElement(cursor.element);
}

// The longest value that is no longer, with up to two dots.
function longest(mu, ticks) {
    for (var denominator = 1; denominator <= 128; denominator *= 2)
        for (var dots = 2; dots >= 0; dots--) {
            var numerator = Math.pow(2, dots + 1) - 1, value = mu.division * 4 * numerator / (denominator * Math.pow(2, dots));
            if (value <= ticks)
                return {numerator: numerator, denominator: denominator * Math.pow(2, dots), ticks: value};
        }
    throw "A note of " + ticks + " ticks cannot be written.";
}

// MuseScore guesses names from the key; the composer knows better.
function respell(mu, score, seat, notes) {
    var cursor = score.newCursor();
    notes.forEach(function (note) {
        Reading.place(cursor, seat, note.start);
        while (cursor.segment && cursor.tick < note.start + note.duration) {
            var element = cursor.element;
            if (element && element.type === mu.Element.CHORD && element.notes[0].tpc1 === element.notes[0].tpc2)
                element.notes[0].tpc1 = element.notes[0].tpc2 = note.tpc;
            cursor.next();
        }
    });
}

function barEnd(bars, tick) {
    for (var i = bars.length - 1; i > 0 && bars[i].tick > tick; i--);
    return bars[i].tick + bars[i].ticks;
}

// MuseScore ties notes that are selected to the next ones. Returns the steps of undo: one, or in MuseScore 3.2, where only a note that is
// added gets selected, one for each tie; from the last to the first, for what is added again loses the tie that led to it.
function tieAll(mu, score, pieces) {
    var canSelect = score.selection && score.selection.select;
    for (var i = pieces.length - 1; i >= 0; i--) {
        if (canSelect)
            score.selection.select(lastNoteOf(score, pieces[i]), i < pieces.length - 1);
        else
            addAgain(score, pieces[i]);
        if (!canSelect || i === 0)
            mu.cmd("tie");
    }
    return canSelect ? Math.min(pieces.length, 1) : pieces.length;
}

function lastNoteOf(score, piece) {
    var cursor = score.newCursor(), note = null;
    Reading.place(cursor, piece.seat, piece.tick);
    while (cursor.segment && cursor.tick < piece.tick + piece.value.ticks) {
        note = cursor.element.notes[0];
        cursor.next();
    }
    return note;
}

function addAgain(score, piece) {
    var cursor = score.newCursor();
    score.startCmd();
    Reading.place(cursor, piece.seat, piece.tick);
    cursor.setDuration(piece.value.numerator, piece.value.denominator);
    cursor.addNote(piece.pitch);
    score.endCmd();
}
