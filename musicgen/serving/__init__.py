"""Music over HTTP on this computer: a server that keeps its models warm, and MuseScore's plugin that asks it."""
