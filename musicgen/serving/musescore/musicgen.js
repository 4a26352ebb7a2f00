// What the plugin does, for MuseScore 3 and 4 alike: reads voices through a cursor, asks the server, writes voices through a cursor.
// Ticks are MuseScore's own, counted from the beginning of the score. `mu` is the plugin itself, MuseScore's side of everything.
// Written as JavaScript was in 2009, for MuseScore 3 knows no other.

var SERVER = "http://127.0.0.1:8765";
var NOT_THERE = "musicgen is not running: start it in a terminal with `musicgen serve`, then try again.";
var NAMES = ["Soprano", "Alto", "Tenor", "Bass"];
var LETTERS = "SATB";
var INSTRUMENTS = ["alto", "tenor", "bass"];
var SELECTION_START = 1, SELECTION_END = 2;
var FIFTHS = "FCGDAEB";

// --- what is asked

// The tune is the first voice of the top selected staff. Seats are for alto, tenor and bass.
function harmonizing(mu) {
    var score = mu.curScore, chosen = selectionOf(score);
    var notes = readVoice(mu, score, {staff: chosen.first, voice: 0}, chosen.start, chosen.end);
    if (!notes.length)
        throw "There are no notes in the first voice of the selected staff.";
    var form = formOf(mu, score, chosen.start, chosen.end, [{name: "Tune", notes: notes}]);
    return {task: "harmonize", name: score.scoreName, body: {score: form}, chosen: chosen, start: chosen.start,
            seats: lowerSeats(mu, score, chosen)};
}

// Four voices, from the first staff down; what is selected of them is rewritten.
function filling(mu) {
    var score = mu.curScore, chosen = selectionOf(score), seats = choirOf(mu, score);
    var end = score.lastSegment.tick, parts = [], letters = "", rewritten = [];
    for (var i = 0; i < seats.length; i++) {
        parts.push({name: NAMES[i], notes: readVoice(mu, score, seats[i], 0, end)});
        if (seats[i].staff >= chosen.first && seats[i].staff <= chosen.last) {
            letters += LETTERS[i];
            rewritten.push({staff: seats[i].staff, voice: seats[i].voice, part: i});
        }
    }
    var bars = barsOf(mu, score), body = {score: formOf(mu, score, 0, end, parts), voices: letters};
    if (chosen.start > 0)
        body.from = placeOf(mu, bars, chosen.start);
    if (chosen.end < end)
        body.to = placeOf(mu, bars, chosen.end);
    return {task: "fill", name: score.scoreName, body: body, chosen: chosen, start: 0, seats: rewritten};
}

// Calls back with a list of pieces, or with a line for the user.
function ask(job, count, onPieces, onProblem) {
    var request = new XMLHttpRequest();
    request.onreadystatechange = function () {
        if (request.readyState !== XMLHttpRequest.DONE)
            return;
        var answer = read(request.responseText);
        if (request.status === 200 && answer)
            onPieces(answer.pieces, answer.remarks);
        else
            onProblem(answer ? answer.error : NOT_THERE);
    };
    job.body.score_format = "notes";
    job.body.answer_formats = ["notes"];
    if (count > 1)
        job.body.alternatives = count;
    request.open("POST", SERVER + "/" + job.task);
    request.setRequestHeader("Content-Type", "application/json");
    request.send(JSON.stringify(job.body));
}

function read(text) {
    try {
        return JSON.parse(text);
    } catch (error) {
        return null;
    }
}

// --- reading

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

// --- seats

function hasNotes(mu, score, seat, start, end) {
    return readVoice(mu, score, seat, start, end).length > 0;
}

// The four voices of the score: one on each of four staves, or two on each of two.
function choirOf(mu, score) {
    var seats = [], end = score.lastSegment.tick;
    for (var staff = 0; staff < score.nstaves; staff++)
        for (var voice = 0; voice < 4; voice++)
            if (voice === 0 || (voice === 1 && score.nstaves === 2) || hasNotes(mu, score, {staff: staff, voice: voice}, 0, end))
                seats.push({staff: staff, voice: voice});
    if (seats.length !== 4)
        throw "The score has " + seats.length + " voices. Filling is for four: on four staves, or two on each of two staves.";
    return seats;
}

// Where alto, tenor and bass go: two staves selected hold two voices each, four one each; else empty staves below, or new ones.
function lowerSeats(mu, score, chosen) {
    var count = chosen.last - chosen.first + 1, top = chosen.first;
    if (count === 2 || (count === 1 && freeBelow(mu, score, chosen) === 1))
        return [{staff: top, voice: 1, part: 1}, {staff: top + 1, voice: 0, part: 2}, {staff: top + 1, voice: 1, part: 3}];
    if (count === 4 || (count === 1 && freeBelow(mu, score, chosen) >= 3))
        return [{staff: top + 1, voice: 0, part: 1}, {staff: top + 2, voice: 0, part: 2}, {staff: top + 3, voice: 0, part: 3}];
    if (count !== 1)
        throw "Select the tune's staff alone, or two or four staves with the tune on top.";
    if (!score.appendPart)
        throw "Three voices need room: add one empty staff under the tune, or three, and select again.";
    var next = score.nstaves;
    return [{staff: next, voice: 0, part: 1}, {staff: next + 1, voice: 0, part: 2}, {staff: next + 2, voice: 0, part: 3}];
}

// How many staves under the tune have no note in the selected bars.
function freeBelow(mu, score, chosen) {
    var staff = chosen.first + 1;
    while (staff < score.nstaves && !hasNotes(mu, score, {staff: staff, voice: 0}, chosen.start, chosen.end))
        staff++;
    return staff - chosen.first - 1;
}

// --- writing

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
    for (var t = ties.length - 1; t >= 0; t--)
        tie(mu, score, ties[t]);
    return 1 + ties.length;
}

function writeVoices(mu, score, job, form) {
    var scale = mu.division / form.ticks_per_quarter, ties = [];
    for (var i = 0; i < job.seats.length; i++) {
        var seat = job.seats[i];
        if (seat.staff >= score.nstaves)
            score.appendPart(INSTRUMENTS[i]);
        var notes = shifted(form.parts[seat.part].notes, scale, job.start);
        var span = spanOf(job.chosen, notes.concat(readVoice(mu, score, seat, 0, score.lastSegment.tick)));
        ties = ties.concat(writeVoice(mu, score, seat, notes, span.start, span.end));
    }
    return ties;
}

function shifted(notes, scale, start) {
    return notes.map(function (note) {
        return {start: Math.round(note.start * scale) + start, duration: Math.round(note.duration * scale), pitch: note.pitch,
                tpc: tpcOf(note.spelling)};
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
function writeVoice(mu, score, seat, notes, start, end) {
    var cursor = score.newCursor(), tick = start, ties = [];
    notes = notes.filter(function (note) { return note.duration > 0 && note.start >= start && note.start < end; });
    for (var i = 0; i <= notes.length; i++) {
        var next = i < notes.length ? notes[i].start : end;
        if (next > tick)
            writePieces(mu, cursor, seat, tick, next - tick, null);
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
        place(cursor, seat, tick);
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
    place(cursor, seat, tick);
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

// Puts a cursor to a tick in a voice, which may have nothing there yet: then it gets there in another voice.
function place(cursor, seat, tick) {
    var track = seat.staff * 4 + seat.voice, tracks = [track, seat.staff * 4];
    if (cursor.segment && cursor.tick === tick && cursor.track === track)
        return;
    for (var other = 0; other < cursor.score.ntracks; other++)
        tracks.push(other);
    for (var i = 0; i < tracks.length; i++) {
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

// MuseScore guesses names from the key; the composer knows better.
function respell(mu, score, seat, notes) {
    var cursor = score.newCursor();
    notes.forEach(function (note) {
        place(cursor, seat, note.start);
        while (cursor.segment && cursor.tick < note.start + note.duration) {
            var element = cursor.element;
            if (element && element.type === mu.Element.CHORD && element.notes[0].tpc1 === element.notes[0].tpc2)
                element.notes[0].tpc1 = element.notes[0].tpc2 = note.tpc;
            cursor.next();
        }
    });
}

// MuseScore ties the selected note to the next: adding a note again selects it. Each tie is a step of undo of its own.
function tie(mu, score, piece) {
    var cursor = score.newCursor();
    score.startCmd();
    place(cursor, piece.seat, piece.tick);
    cursor.setDuration(piece.value.numerator, piece.value.denominator);
    cursor.addNote(piece.pitch);
    score.endCmd();
    mu.cmd("tie");
}
