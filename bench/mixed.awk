# The results of bench/mixed.sh as a table on stdout, and as JSON in the file that `json` names. First file: all words
# of the result; then the daemon's memory, a line for each moment: seconds, KiB. Ends with 1 if a bound is missed.

function number(text) {
	return text ~ /^-?[0-9.]+$/ ? text : "\"" text "\""
}

# One line: what it is, what was measured, what it may be at most ("": anything), the goal, and a unit.
function row(name, value, bound, goal, unit, verdict) {
	verdict = bound == "" ? "" : value <= bound + 0 ? "ok" : "MISSED"
	if (verdict == "MISSED")
		missed = 1
	if (verdict == "ok" && goal != "" && value <= goal + 0)
		verdict = "ok, goal"
	printf "%-44s %10s %8s %8s %-6s %s\n", name, sprintf(value == int(value) ? "%d" : "%.2f", value), bound, goal, unit, verdict
	rows = rows (rows == "" ? "" : ", ") sprintf("{\"what\": \"%s\", \"measured\": %s, \"unit\": \"%s\"%s%s%s}", name,
		value, unit, bound == "" ? "" : ", \"bound\": " bound, goal == "" ? "" : ", \"goal\": " goal,
		bound == "" ? "" : ", \"met\": " (verdict == "MISSED" ? "false" : "true"))
}

function times(name, what, bound, goal) {
	row(name ", median", all[what "_p50"], "", "", "ms")
	row(name ", 99th percentile", all[what "_p99"], bound, goal, "ms")
	row(name ", longest", all[what "_max"], "", "", "ms")
}

# The largest RssAnon, in MiB, from one second of the run to another.
function memory(from, to, at, most) {
	for (at = from; at < to; at++)
		if (kib[at] > most)
			most = kib[at]
	return most / 1024
}

NR == FNR {
	count = split($0, words, " ")
	for (i = 1; i <= count; i++)
		if (split(words[i], w, "=") == 2) {
			all[w[1]] = w[2]
			text = text (text == "" ? "" : ", ") "\"" w[1] "\": " number(w[2])
		}
	next
}

$2 > kib[$1 - all["began"]] { kib[$1 - all["began"]] = $2 }

END {
	printf "%d calls and %d players at %.2f Mbit/s each, %d lists of 50 a second among %d recordings,\n", all["streams"],
		all["player_players"], all["mbit"] / all["streams"], all["lists"], all["rows"]
	printf "a rotation of at most %d rows a second, the audit log: %d s on %d processors, load %.1f before, %.1f after\n",
		all["rotate"], all["seconds"], all["cores"], all["load_before"], all["load_after"]
	if (all["trimmed"] == "yes")
		print "The disk is too small for all that was recorded: what was finished and is not read again was removed meanwhile."
	printf "\n%-44s %10s %8s %8s\n", "", "measured", "bound", "goal"
	times("due to acknowledged", "ack", all["ack_bound"], 1000)
	row(all["window"] " s in which the 99th was beyond " all["ack_bound"] " ms", all["late_windows"], "", "", "")
	row("of so many", all["windows"], "", "", "")
	times("a list of 50", "list", 15, 5)
	times("first byte of a recording", "player_first", 10, 3)
	times("first byte after a jump", "player_seek", "", "")
	row("pieces of a second that came too late", all["player_stalls"], 0, "", "")
	row("of so many", all["player_pieces"], "", "", "")
	row("errors of calls", all["errors"], 0, "", "")
	row("errors of players", all["player_errors"], 0, "", "")
	row("errors of the rotation", all["rotate_errors"], 0, "", "")
	row("errors in the daemon's log", all["daemon_errors"] + all["account_failed"], 0, "", "")
	row("samples not read back right", all["check"] - all["checked"], 0, "", "")
	row("of so many", all["check"], "", "", "")
	row("rows rotated", all["rotated"], "", "", "")
	row("a second of what it may, missing", 1 - all["rotated"] / all["rotate"] / all["seconds"], "", "", "")
	row("the daemon, all threads", all["daemon_cpu"], "", "", "cores")
	row("the daemon's loop", all["daemon_loop"], "", "", "cores")
	minute = all["seconds"] >= 180 ? 60 : int(all["seconds"] / 4)
	second = memory(minute, 2 * minute)
	row("memory, first " minute " s", memory(0, minute), "", "", "MiB")
	row("memory, second " minute " s", second, "", "", "MiB")
	row("memory, in the middle", memory(int((all["seconds"] - minute) / 2), int((all["seconds"] + minute) / 2)), "", "", "MiB")
	row("memory, last " minute " s", memory(int(all["seconds"]) - minute, int(all["seconds"])),
		sprintf("%.0f", 1.1 * second + 8), "", "MiB")
	row("calls' generator", all["client_cpu"], "", "", "cores")
	row("players' generator", all["player_client_cpu"], "", "", "cores")
	row("idle", all["machine_idle"], "", "", "cores")
	row("used by the machine's host", all["machine_stolen"], "", "", "cores")
	row("the calls' timer, late, 99th percentile", all["late_p99"], "", "", "ms")
	row("the players' timer, late, 99th percentile", all["player_late_p99"], "", "", "ms")
	printf "{\"rows\": [%s], \"all\": {%s}}\n", rows, text > json
	exit missed
}
