// What is asked of the server for what is selected, and where the answer will be written.
// Written as JavaScript was in 2009, for MuseScore 3 knows no other. `mu` is the plugin: MuseScore's side of everything.
.import "reading.js" as Reading

var SERVER = "http://127.0.0.1:8765";
var NOT_THERE = "musicgen is not running: start it in a terminal with `musicgen serve`, then try again.";
var NAMES = ["Soprano", "Alto", "Tenor", "Bass"];
var LETTERS = "SATB";

// The tune is the first voice of the top selected staff. Seats are for alto, tenor and bass.
function harmonizing(mu) {
    var score = mu.curScore, chosen = Reading.selectionOf(score);
    var notes = Reading.readVoice(mu, score, {staff: chosen.first, voice: 0}, chosen.start, chosen.end);
    if (!notes.length)
        throw "There are no notes in the first voice of the selected staff.";
    var form = Reading.formOf(mu, score, chosen.start, chosen.end, [{name: "Tune", notes: notes}]);
    return {task: "harmonize", name: score.scoreName, body: {score: form}, chosen: chosen, start: chosen.start,
            seats: lowerSeats(mu, score, chosen)};
}

// Four voices, from the first staff down; what is selected of them is rewritten.
function filling(mu) {
    var score = mu.curScore, chosen = Reading.selectionOf(score), seats = choirOf(mu, score);
    var end = score.lastSegment.tick, parts = [], letters = "", rewritten = [];
    for (var i = 0; i < seats.length; i++) {
        parts.push({name: NAMES[i], notes: Reading.readVoice(mu, score, seats[i], 0, end)});
        if (seats[i].staff >= chosen.first && seats[i].staff <= chosen.last) {
            letters += LETTERS[i];
            rewritten.push({staff: seats[i].staff, voice: seats[i].voice, part: i});
        }
    }
    var bars = Reading.barsOf(mu, score), body = {score: Reading.formOf(mu, score, 0, end, parts), voices: letters};
    if (chosen.start > 0)
        body.from = Reading.placeOf(mu, bars, chosen.start);
    if (chosen.end < end)
        body.to = Reading.placeOf(mu, bars, chosen.end);
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

// --- seats

// The four voices of the score: one on each of four staves, or two on each of two.
function choirOf(mu, score) {
    var seats = [], end = score.lastSegment.tick;
    for (var staff = 0; staff < score.nstaves; staff++)
        for (var voice = 0; voice < 4; voice++)
            if (voice === 0 || (voice === 1 && score.nstaves === 2) || Reading.hasNotes(mu, score, {staff: staff, voice: voice}, 0, end))
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
    while (staff < score.nstaves && !Reading.hasNotes(mu, score, {staff: staff, voice: 0}, chosen.start, chosen.end))
        staff++;
    return staff - chosen.first - 1;
}
