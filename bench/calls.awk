# The results of bench/calls.sh as a table on stdout, and as JSON in the file that `json` names. First file: all words
# of the result; then a line of words for each window.

function number(text) {
	return text ~ /^-?[0-9.]+$/ ? text : "\"" text "\""
}

function object(line, words, n, i, w, text) {
	n = split(line, words, " ")
	for (i = 1; i <= n; i++)
		if (split(words[i], w, "=") == 2)
			text = text (text == "" ? "" : ", ") "\"" w[1] "\": " number(w[2])
	return "{" text "}"
}

function words_of(line, into, words, n, i, w) {
	n = split(line, words, " ")
	for (i = 1; i <= n; i++)
		if (split(words[i], w, "=") == 2)
			into[w[1]] = w[2]
}

function row(name, text) {
	printf "%-34s %s\n", name, text
}

function times(name, w, what) {
	row(name, sprintf("%9.1f %9.1f %9.1f %9.1f", w[what "_p50"], w[what "_p95"], w[what "_p99"], w[what "_max"]))
}

NR == FNR {
	words_of($0, all)
	result = object($0)
	next
}

{
	windows[++count] = object($0)
	lines[count] = $0
}

END {
	row("streams", all["streams"] " on " all["connections"] " connections (" all["transport"] "), " all["seconds"] " s")
	row("recorded", sprintf("%.0f Mbit/s, %.2f GiB in all", all["mbit"], all["bytes"] / 1073741824))
	row("beside them", all["beside"] == "none" ? "nothing" : all["uploads"] " whole uploads, " all["upload_mib_s"] " MiB/s")
	row("errors", all["errors"])
	row("read back and right", all["checked"] " recordings")
	print ""
	row("milliseconds", sprintf("%9s %9s %9s %9s", "p50", "p95", "p99", "max"))
	times("due to acknowledged", all, "ack")
	for (i = 1; i <= count; i++) {
		words_of(lines[i], window)
		times(sprintf("  %d to %d s", window["from"], window["to"]), window, "ack")
	}
	times("opening a track", all, "open")
	times("the generator's timer, late", all, "late")
	times("the disk alone", all, "disk")
	print ""
	row("daemon", sprintf("%.2f cores, %.2f of them its loop; %.0f MiB anonymous at most", all["daemon_cpu"],
		all["daemon_loop"], all["memory_kib"] / 1024))
	row("each second", sprintf("%.0f segments, %.0f fdatasyncs, %.0f index commits of %.1f operations",
		all["segments_per_s"], all["flushes_per_s"], all["index_commits_per_s"],
		all["index_commits_per_s"] > 0 ? all["index_operations_per_s"] / all["index_commits_per_s"] : 0))
	row("the disk alone", sprintf("%.0f fdatasyncs, %.0f MiB/s, %.2f cores", all["disk_syncs_per_s"], all["disk_mib_s"],
		all["disk_cpu"]))
	row("generator", sprintf("%.2f cores", all["client_cpu"]))
	row("machine", sprintf("%d cores, of which %.2f idle and %.2f used by its host; load %.1f before, %.1f after", all["cores"],
		all["machine_idle"], all["machine_stolen"], all["load_before"], all["load_after"]))
	if (all["late_p99"] > 50)
		print "The generator itself was late: the times above have its lateness in them."
	printf "{\"result\": %s, \"windows\": [", result > json
	for (i = 1; i <= count; i++)
		printf "%s%s", (i > 1 ? ", " : ""), windows[i] > json
	print "]}" > json
}
