// The score as it is on screen, through a cursor: what is selected, bars, voices. Ticks are MuseScore's, from the beginning of the score.
// Written as JavaScript was in 2009, for MuseScore 3 knows no other. `mu` is the plugin: MuseScore's side of everything.

var SELECTION_START = 1, SELECTION_END = 2;
var FIFTHS = "FCGDAEB";

function selectionOf(score) {
    var cursor = score.newCursor();
    cursor.rewind(SELECTION_START);
    if (!cursor.segment)
        throw "Select some bars first: click the first, then the last with Shift.";
    var start = cursor.tick, first = cursor.staffIdx;
    cursor.rewind(SELECTION_END);
    var end = cursor.segment && cursor.tick > start ? cursor.tick : score.lastSegment.tick;
    return {start: start, end: end, first: first, last: cursor.staffIdx};
}

// Every bar: where it begins, how long it is, and what its meter says.
function barsOf(mu, score) {
    var cursor = score.newCursor(), bars = [];
    cursor.rewind(0);
    while (cursor.segment) {
        var meter = cursor.measure.timesigActual, nominal = cursor.measure.timesigNominal;
        bars.push({tick: cursor.tick, beats: meter.numerator, unit: meter.denominator, nominal: nominal.numerator / nominal.denominator,
                   ticks: ticksOf(mu, meter)});
        cursor.nextMeasure();
    }
    return bars;
}

function ticksOf(mu, fraction) {
    return mu.division * 4 * fraction.numerator / fraction.denominator;
}

function isPickup(mu, bar) {
    return bar.ticks < bar.nominal * 4 * mu.division;
}

// `3:2.5`, as musicgen counts: a pick-up is bar 0, and beats are dotted in 6/8.
function placeOf(mu, bars, tick) {
    var index = 0;
    while (index + 1 < bars.length && bars[index + 1].tick <= tick)
        index++;
    var bar = bars[index], isCompound = bar.unit >= 8 && bar.beats % 3 === 0 && bar.beats > 3;
    var beat = mu.division * 4 / bar.unit * (isCompound ? 3 : 1), lead = 0;
    if (index === 0 && isPickup(mu, bar))
        lead = bar.nominal * 4 * mu.division - bar.ticks;
    var number = bars.length && isPickup(mu, bars[0]) ? index : index + 1;
    return number + ":" + (Math.round((1 + (lead + tick - bar.tick) / beat) * 10000) / 10000);
}

// The notes of a voice, ties joined, cut to [start, end). Of a chord the highest note counts.
function readVoice(mu, score, seat, start, end) {
    var cursor = score.newCursor(), notes = [];
    place(cursor, seat, 0);
    while (cursor.segment && cursor.tick < end) {
        var tick = cursor.tick, element = cursor.element, segment = cursor.segment;
        cursor.next();
        if (!element || element.type !== mu.Element.CHORD)
            continue;
        var until = tick + ticksOf(mu, element.duration);
        if (cursor.segment && cursor.tick < until)
            until = cursor.tick; // in a tuplet
        var note = highest(element), last = notes[notes.length - 1];
        if (note.tieBack && last && last.start + last.duration === tick && last.pitch === note.pitch)
            last.duration = until - last.start;
        else if (until > start)
            notes.push({start: Math.max(tick, start), duration: until - Math.max(tick, start), pitch: note.pitch,
                        spelling: nameOf(note.tpc1, note.pitch), fermata: hasFermata(mu, segment, cursor.track)});
    }
    for (var i = 0; i < notes.length; i++)
        notes[i].duration = Math.min(notes[i].duration, end - notes[i].start);
    return notes;
}

function highest(chord) {
    var best = chord.notes[0];
    for (var i = 1; i < chord.notes.length; i++)
        if (chord.notes[i].pitch > best.pitch)
            best = chord.notes[i];
    return best;
}

function hasFermata(mu, segment, track) {
    for (var i = 0; i < segment.annotations.length; i++)
        if (segment.annotations[i].type === mu.Element.FERMATA && segment.annotations[i].track === track)
            return true;
    return false;
}

// A tonal pitch class counts fifths: F 13, C 14, G 15.
function nameOf(tpc, pitch) {
    var sharps = Math.floor((tpc - 13) / 7), letter = FIFTHS[tpc - 13 - 7 * sharps];
    return letter + (sharps > 0 ? "##".slice(0, sharps) : "bb".slice(0, -sharps)) + (Math.floor((pitch - sharps) / 12) - 1);
}

function tpcOf(name) {
    return FIFTHS.indexOf(name[0]) + 13 + 7 * (name.split("#").length - name.slice(1).split("b").length);
}

// A score as the server takes it, whose time begins with `start`.
function formOf(mu, score, start, end, parts) {
    var bars = barsOf(mu, score), meters = [], pickup = 0, shown = "", cursor = score.newCursor();
    for (var i = 0; i < bars.length; i++) {
        var bar = bars[i], isFirst = bar.tick <= start, until = bar.tick + bar.ticks;
        if (until <= start || bar.tick >= end)
            continue;
        if (isFirst && (start > bar.tick || (i === 0 && isPickup(mu, bar))))
            pickup = until - start;
        var meter = i === 0 && isPickup(mu, bar) ? (bars[1] || bar) : bar;
        var text = meter.beats + "/" + meter.unit;
        if (text !== shown && !(i > 0 && i === bars.length - 1 && isPickup(mu, bar)))
            meters.push({start: isFirst ? 0 : bar.tick - start, meter: text});
        shown = text;
    }
    place(cursor, {staff: 0, voice: 0}, start);
    for (var p = 0; p < parts.length; p++)
        for (var n = 0; n < parts[p].notes.length; n++)
            parts[p].notes[n].start -= start;
    return {ticks_per_quarter: mu.division, pickup: pickup, fifths: cursor.keySignature, meters: meters, parts: parts};
}

function hasNotes(mu, score, seat, start, end) {
    return readVoice(mu, score, seat, start, end).length > 0;
}

// Puts a cursor to a tick in a voice, which may have nothing there yet: then it gets there in another voice.
function place(cursor, seat, tick) {
    var track = seat.staff * 4 + seat.voice, tracks = [track, seat.staff * 4];
    if (cursor.segment && cursor.tick === tick && cursor.track === track)
        return;
    for (var other = 0; other < cursor.score.ntracks; other++)
        tracks.push(other);
    for (var i = 0; i < tracks.length; i++) {
        if (i > 0 || !cursor.segment || cursor.tick > tick)
            cursor.rewind(0);
        cursor.track = tracks[i];
        while (cursor.segment && cursor.tick < tick)
            cursor.next();
        if (cursor.segment && cursor.tick === tick) {
            cursor.track = track;
            return;
        }
    }
    throw "Nothing begins at tick " + tick + ", so nothing can be written there.";
}
