// The window of the plugin, for MuseScore 3 and 4: what there is to press, and one line that says what happened.
import QtQuick 2.0
import MuseScore 3.0
import "asking.js" as Asking
import "writing.js" as Writing

MuseScore {
    id: plugin
    menuPath: "Plugins.musicgen"
    description: "Harmonizes a tune and rewrites bars of four voices. Needs `musicgen serve`."
    version: "1.0"
    requiresScore: true
    pluginType: "dialog"
    width: 340
    height: 190
    //4.4 title: "musicgen"
    //4.4 categoryCode: "composing-arranging-tools"

    property var job: null
    property var pieces: []
    property int chosen: -1
    property bool isWaiting: false
    property string said: "Select a tune to harmonize, or bars of four voices to fill."

    Component.onCompleted: {
        if (mscoreMajorVersion >= 4 && mscoreMinorVersion <= 3) {
            plugin.title = "musicgen";
            plugin.categoryCode = "composing-arranging-tools";
        }
    }

    function start(make) {
        if (isWaiting)
            return;
        try {
            job = make(plugin);
        } catch (problem) {
            said = String(problem);
            return;
        }
        pieces = [];
        chosen = -1;
        isWaiting = true;
        said = "Composing...";
        Asking.ask(job, 3, show, function (problem) {
            isWaiting = false;
            said = problem;
        });
    }

    function show(found, remarks) {
        isWaiting = false;
        pieces = found;
        choose(0);
    }

    // Writes one of the alternatives over the one before.
    function choose(index) {
        if (isWaiting || index >= pieces.length)
            return;
        try {
            var steps = Writing.write(plugin, job, pieces[index]);
            chosen = index;
            said = "Alternative " + (index + 1) + " of " + pieces.length + ", seed " + pieces[index].seed + ". "
                + (steps > 1 ? steps + " steps of undo take it back." : "Undo takes it back.");
        } catch (problem) {
            said = String(problem);
        }
    }

    function play() {
        if (job && curScore.selection && curScore.selection.selectRange)
            curScore.selection.selectRange(job.chosen.start, job.chosen.end, job.chosen.first, job.chosen.last + 1);
        cmd("play");
    }

    function press(text) {
        if (text === "Harmonize")
            start(Asking.harmonizing);
        else if (text === "Fill")
            start(Asking.filling);
        else if (text === "Play")
            play();
        else
            choose(Number(text) - 1);
    }

    function canPress(text) {
        return !isWaiting && (!Number(text) || Number(text) <= pieces.length);
    }

    Rectangle { // or a dark window of MuseScore 4 would swallow what is said
        anchors.fill: parent
        color: "#fafafa"
    }

    Column {
        anchors.fill: parent
        anchors.margins: 12
        spacing: 10

        Repeater {
            model: [["Harmonize", "Fill"], ["1", "2", "3", "Play"]]
            Row {
                spacing: 6
                Repeater {
                    model: modelData
                    Rectangle {
                        readonly property bool isReady: plugin.canPress(modelData)
                        width: label.width + 20
                        height: label.height + 12
                        radius: 4
                        border.color: "#808080"
                        color: Number(modelData) === plugin.chosen + 1 ? "#b0d0ff" : "#f0f0f0"
                        opacity: isReady ? 1 : 0.4
                        Text {
                            id: label
                            anchors.centerIn: parent
                            color: "#202020"
                            text: modelData
                        }
                        MouseArea {
                            anchors.fill: parent
                            onClicked: if (parent.isReady) plugin.press(modelData)
                        }
                    }
                }
            }
        }

        Text {
            width: parent.width
            wrapMode: Text.Wrap
            color: "#202020"
            text: plugin.said
        }
    }
}
